"""Draws override lines for a config tree: changes of its keys, options of its groups, and mistakes in both."""

import random
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

VALUES = [
    "1", "-3", "007", "1_000", "0.5", "1e-4", "1E3", ".5", "inf", "nan", "true", "False", "yes", "null", "NULL", "???", "",
    "text", "two words", "'1'", '"true"', "'a,b'", "'it\\'s'", "a\\,b", "a:b", "[]", "{}", "[1,2]", "[a,'b',null]", "[[1],[2]]",
    "{a:1}", "{a:{b:[1]}}", "{1:x,true:y}", "${oc.env:GOLDEN_BUCKET}", "${oc.env:GOLDEN_NUMBER}", "int('3')", "float(2)", "str(1)", "bool(0)",
    "sort([3,1,2])", "str([1,true])", "1,2", "range(3)", "choice(a,b)", "gs://bucket/x", "a b=c", "[1", "'open",
    "0x1F", "-", "~", "$x", "a@b", "50%", "sort(3,1)", "int(x)", "nope(1)", "json_str(1)", "2024-01-31", "é", "[1,2,]",
]  # fmt: skip


def paths(value, path=""):
    """Returns the dotted paths of all values."""
    found = []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, child in children:
        below = f"{path}.{key}" if path else str(key)
        found += [below, *paths(child, below)]
    return found


def groups(tree):
    """Returns the groups of a tree with their options."""
    found = {}
    for file in sorted(Path(tree).rglob("*.yaml")):
        group = file.parent.relative_to(tree).as_posix()
        if group != ".":
            found.setdefault(group, []).append(file.stem)
    return found


def lines(tree, config, seed, count, base=()):
    """Returns lists of one to three overrides; `base` are those without which the config does not compose."""
    drawn = random.Random(seed)
    with initialize_config_dir(str(tree), version_base="1.3"):
        known = paths(OmegaConf.to_container(compose(config, list(base))))
    options = groups(tree)

    def misspelled(text):
        at = drawn.randrange(len(text))
        return text[:at] + drawn.choice(["", "x", "_", "."]) + text[at + 1 :]

    def line():
        prefix = drawn.choice(["", "", "", "", "", "", "+", "++", "++", "~"])
        if options and drawn.random() < 0.25:
            group = drawn.choice(list(options))
            choices = [*options[group] * 2, "absent", "null", "[" + ",".join(options[group]) + "]"]
            package = drawn.choice(["", "", "", "", "", "", "@other", "@_global_", "@a.b"])
            if prefix == "~" and drawn.random() < 0.6:
                return f"~{group}{package}"
            return f"{prefix}{misspelled(group) if drawn.random() < 0.05 else group}{package}={drawn.choice(choices)}"
        key = drawn.choice(known)
        kind = drawn.random()
        if kind < 0.07:
            key = misspelled(key)
        elif kind < 0.15:
            key += drawn.choice([".new", ".0", "_new", ".a.b"])
        if prefix == "~" and drawn.random() < 0.6:
            return f"~{key}"
        return f"{prefix}{key}={drawn.choice(VALUES if drawn.random() < 0.75 else VALUES[:30])}"

    return [[*base, *(line() for _ in range(drawn.choice([1, 1, 1, 2])))] for _ in range(count)]
