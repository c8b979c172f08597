"""Writes random cases with the results of Hydra and OmegaConf, in the format of golden.json, for `golden.rs` to compare.

    python fuzz.py --seed 1 --count 500 /tmp/fuzz
    BCS_CONFIG_GOLDEN=/tmp/fuzz/golden.json cargo test -p bcs-config --test golden

Needs the packages of make_golden.py.
"""

import argparse
import os
import random
import shutil
import warnings
from pathlib import Path

import make_golden

WORDS = ["a", "b", "c", "x", "db", "lr", "foo_bar", "a-b", "Adam", "path/to", "gs://b/c", "1.2.3", "user@host", "50%"]
NUMBERS = ["0", "1", "-1", "007", "+3", "1_000", "1.5", ".5", "-.5", "1.", "1e3", "1e-7", "-1E+5", "inf", "-inf", "nan", "1e16", "0.1"]
SPECIAL = ["true", "False", "null", "NULL", "yes", "on", "None", "~", "???", "", "inf", "TrUe"]
QUOTED = ["'a b'", '"a,b"', "'1'", '"true"', "'it\\'s'", '"\\\\"', "''", "'${a}'", "'null'", '"é"']
ESCAPED = ["a\\,b", "a\\ ", "\\=x", "a\\:b", "\\[a\\]", "a\\\\b", "x\\y", "a:b", "a: b", "a b", " a ", "a=b", "$x", "${a}", "${a.b}", "${oc.env:X,1}", "a|b", "a*", "?"]


class Grammar:
    """Random texts of the override grammar."""

    def __init__(self, random):
        self.random = random

    def pick(self, *lists):
        return self.random.choice(self.random.choice(lists))

    def scalar(self):
        return self.pick(WORDS, NUMBERS, SPECIAL, QUOTED, ESCAPED)

    def element(self, depth=2):
        kind = self.random.random()
        if depth == 0 or kind < 0.55:
            return self.scalar()
        if kind < 0.7:
            return "[" + self.join(lambda: self.element(depth - 1), 0, 3) + "]"
        if kind < 0.85:
            return "{" + self.join(lambda: f"{self.key()}:{self.space()}{self.element(depth - 1)}", 0, 3) + "}"
        return self.call(depth - 1)

    def key(self):
        return self.random.choice(["a", "b", "c", "1", "2", "true", "1.5", "x y", "a-b", "-1", "a\\:b", "0x1"])

    def space(self):
        return self.random.choice(["", "", "", " ", "  "])

    def join(self, make, low, high):
        count = self.random.randint(low, high)
        return f"{self.space()},{self.space()}".join(make() for _ in range(count))

    def call(self, depth):
        name = self.random.choice(["choice", "range", "range", "int", "float", "str", "bool", "sort", "tag", "glob", "interval", "sort", "nope", "json_str", "extend_list"])
        if name in ("range", "interval"):
            arguments = self.join(lambda: self.random.choice(["1", "3", "-2", "0.5", "10", "2.5", "0", "x", "0.1"]), 1, 3)
        elif name == "sort":
            pool = self.random.choice([["1", "3", "2", "1.5", "-1"], ["b", "a", "C", "'d'"], ["1", "a", "[1]", "null"], ["[3,1,2]"], ["range(1,5)", "choice(b,a)"]])
            arguments = self.join(lambda: self.random.choice(pool), 1, 4) + self.random.choice(["", ",reverse=true", ", reverse=False"])
        elif name in ("tag", "choice") and self.random.random() < 0.5:
            arguments = self.random.choice(["t,choice(1,2)", "choice(a,b)", "range(1,3)", "str(1,2)", "t,range(3)", "a"])
        else:
            arguments = self.join(lambda: self.element(depth) if depth > 0 else self.scalar(), 0, 3)
        return f"{name}({self.space()}{arguments})"

    def value(self):
        if self.random.random() < 0.2:
            return self.join(lambda: self.element(1), 2, 3)
        return self.element()

    def override(self):
        prefix = self.random.choice(["", "", "", "+", "++", "~"])
        key = self.random.choice(["a", "a.b", "a.b.c", "a.0", "a/b", "a@b", "a/b@c.d", "a-b", "$a", "_a", "a b", "1a", "", "a@", "a.b@c", "é"])
        if prefix == "~" and self.random.random() < 0.5:
            return prefix + key
        return f"{prefix}{key}={self.value()}"


SCALARS = WORDS + NUMBERS + SPECIAL + QUOTED + [
    "0x1F", "0o17", "0b1", "08", "010", "1:30", "1:30.5", "2024-01-31", "2024-1-1 10:00:00", "12e03", "1__0", "_1", "1_",
    "y", "n", "Y", "OFF", ".inf", "-.INF", ".NaN", "1e", "e1", "+", "-a", "a #b", "a#b", "a: b", "<<x", "=x", "@a", "`a",
    "&x 1", "!!str 1", "!!int 3", "!!float 1", "[1, a]", "{a: 1}", "[]", "{}", "|\n  a\n  b", ">-\n  a\n  b", "${a}",
    "\"a\\nb\"", "'a''b'", "a, b", "-", "1 2", "ü", "日本", "a  b",
]  # fmt: skip


def yaml_text(random, depth=2, indent=0):
    """Returns a block mapping or list, or sometimes a broken one."""
    pad = "  " * indent
    lines = []
    if random.random() < 0.75 or indent == 0:
        for _ in range(random.randint(1, 4)):
            key = random.choice(["a", "b", "c", "d", "1", "2", "'1'", "true", "yes", "1.5", "a b", "null", "0x10", "<<", "? x", "é"] if random.random() < 0.3 else ["a", "b", "c", "d", "e", "f"])
            lines.append(f"{pad}{key}:{yaml_value(random, depth, indent)}")
    else:
        for _ in range(random.randint(1, 3)):
            lines.append(f"{pad}-{yaml_value(random, depth, indent)}")
    return "\n".join(lines)


def yaml_value(random, depth, indent):
    if depth > 0 and random.random() < 0.35:
        return "\n" + yaml_text(random, depth - 1, indent + 1)
    return " " + random.choice(SCALARS).replace("\n", "\n" + "  " * indent)


TEXT = ["a", "b", " ", "  ", "\n", "\t", ":", ": ", "#", " #", "-", "- ", "'", '"', "\\", ",", "[", "{", "long", "wörd ", "1", ".", "e", "_", "é", "日", "😀", "\u2028", "\x85", "\x07", "\xa0", "~", "null", "y", "${a}", "?", "!", "&", "*", "|", ">", "%", "@", "`", "=", "<<"]  # fmt: skip


def emit_text(random):
    if random.random() < 0.25:
        words = random.choices(["word", "a", "longer-word", "it's", "1", "é", 'say "x"', "tab\there", " ", "x" * 50, "new\nline"], k=random.randint(10, 40))
        return random.choice([" ", "  ", "\n", ""]).join(words)
    return "".join(random.choices(TEXT, k=random.randint(0, 6)))


def emit_value(random, depth=3):
    kind = random.random()
    if depth > 0 and kind < 0.3:
        return {emit_key(random): emit_value(random, depth - 1) for _ in range(random.randint(0, 3))}
    if depth > 0 and kind < 0.5:
        return [emit_value(random, depth - 1) for _ in range(random.randint(0, 3))]
    if kind < 0.8:
        return emit_text(random)
    return random.choice([None, True, False, 0, -5, 1.5, 1e-5, 1e20, float("inf"), 123456789, 0.1 + 0.2, -0.0])


def emit_key(random):
    return random.choice([1, -2, True, 1.5, emit_text(random), "k" * random.choice([100, 120, 123, 130])] if random.random() < 0.3 else ["a", "b", "key", "y", "1"])


REFERENCES = ["${a}", "${b}", "${.a}", "${..a}", "${a.x}", "${b.y.z}", "${l.0}", "${l[1]}", "${l.-1}", "${nope}", "${a}${b}", "x${b}y", "\\${a}", "\\\\${a}", "${${k}}", "${b.${k}}", "${oc.env:NOPE,${a}}", "${oc.env:GOLDEN_NUMBER}", "${oc.decode:${oc.env:GOLDEN_NUMBER}}", "${oc.decode:'[1,{a:b}]'}", "${oc.decode:null}", "${oc.decode:'${a}'}", "${oc.decode:1,2}", "${oc.select:nope}", "${oc.select:nope,5}", "${oc.select:a,5}", "${oc.select:.a}", "${oc.select:b.y}", "${oc.select:m,7}", "${oc.select:m}", "${oc.dict.keys:b}", "${oc.dict.values:b}", "${oc.dict.keys:a}", "${oc.dict.values:.b}", "${oc.dict.keys:nope}", "${oc.create:{a:1,b:[2]}}", "${oc.create:'a: 1'}", "${oc.create:[1,x]}", "${oc.create:null}", "${oc.create:3}", "${oc.deprecated:a}", "${oc.deprecated:nope}", "${oc.deprecated:b.y,'use $NEW_KEY'}", "${m}", "${oc.env:NOPE,'a b'}", "${oc.env:NOPE,null}", "${oc.env:NOPE,[a,${a}]}", "${oc.env:NOPE, x y }", "${oc.env:NOPE,a\\,b}", "${nope:1}", "${ a }", "${a", "${}", "${a b}", "${b.y}", "${oc.env:NOPE,''}", "${l}", "${b}", "${0}", "${i.0}", "${i.1}"]  # fmt: skip


def interpolation_document(random):
    """Returns a flow mapping whose values refer to each other."""
    values = {"a": random.choice(["1", "x", "'y z'", "true", "null", "1.5"]), "k": random.choice(["a", "y", "b"]), "m": "???"}
    values["l"] = "[1, " + quote(random.choice(REFERENCES)) + "]"
    values["b"] = "{y: {z: 2, v: " + quote(random.choice(REFERENCES)) + "}, a: 3}"
    values["i"] = "{0: zero, '1': one}"
    for name in "uvw":
        values[name] = quote(random.choice(REFERENCES))
    keys = list(values)
    random.shuffle(keys)
    return "{" + ", ".join(f"{key}: {values[key]}" for key in keys) + "}"


def quote(text):
    return "'" + text.replace("'", "''") + "'"


class Tree:
    """A random tree of configs with groups."""

    GROUPS = {"db": ["mysql", "pg"], "server": ["nginx", "apache"], "server/tls": ["strict", "loose"], "exp": ["one", "two"], "loss": ["dice", "focal"]}  # fmt: skip
    KEYS = ["port", "host", "name", "size", "items", "nested"]

    def __init__(self, random, folder):
        self.random = random
        self.folder = folder
        for group, options in self.GROUPS.items():
            for option in options:
                self.write(f"{group}/{option}", self.config(group))
        self.write("config", self.config(""))
        self.write("other", self.config(""))

    def write(self, name, text):
        path = self.folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def config(self, group):
        random = self.random
        text = ""
        if group and random.random() < 0.25:
            text += "# @package " + random.choice(["_global_", "_group_", "other", "a.b", "_global_.deep"]) + "\n"
        if not group or random.random() < 0.3:
            text += self.defaults(group)
        for key in random.sample(self.KEYS, random.randint(0 if group else 1, 4)):
            text += f"{key}: {self.value(key)}\n"
        return text

    def value(self, key):
        random = self.random
        if key == "nested":
            return "{" + ", ".join(f"{name}: {random.choice(['1', 'x', '???', 'null', '[1, 2]', '{z: 1}'])}" for name in random.sample("pqr", 2)) + "}"
        if key == "items":
            return random.choice(["[1, 2, 3]", "[]", "[{a: 1}, {b: 2}]", "[a, b]"])
        return random.choice(["1", "80", "localhost", "'8'", "1e-3", "true", "null", "???", "${port}", "a b", "${oc.env:GOLDEN_BUCKET}"])

    def defaults(self, group):
        random = self.random
        entries = []
        below = [name for name in self.GROUPS if name != group and name.split("/")[0] >= group.split("/")[0]]
        for name in random.sample(below, random.randint(0, min(3, len(below)))) if below else []:
            entries.append(self.entry(name, group))
        if random.random() < 0.8:
            entries.insert(random.randint(0, len(entries)), "_self_")
        if random.random() < 0.15 and below:
            entries.append({f"override {'/' if group else ''}{random.choice(below)}": None})
        if not group and random.random() < 0.1:
            entries.append({"override hydra/job_logging": "disabled"})
        if random.random() < 0.1:
            entries.append(random.choice(["other", "missing", "/server/apache", "_self_"]))
        lines = [f"  - {entry}" if isinstance(entry, str) else f"  - {self.pair(entry)}" for entry in entries]
        return "defaults:\n" + "\n".join(lines) + "\n" if lines else ""

    def pair(self, entry):
        [(key, option)] = entry.items()
        if option is None:
            option = self.random.choice(["mysql", "nginx", "strict", "one", "dice", "null"])
        return f"{key}: {option}"

    def entry(self, name, group):
        random = self.random
        options = self.GROUPS[name]
        key = f"/{name}" if group else random.choice([name, name, f"/{name}"])
        if group and name.startswith(group + "/"):
            key = random.choice([name[len(group) + 1 :], f"/{name}"])
        if random.random() < 0.2:
            key += "@" + random.choice(["_global_", "_here_", "_group_", "alias", "a.b", "_group_.sub"])
        if random.random() < 0.1:
            key = "optional " + key
        option = random.choice(options)
        kind = random.random()
        if kind < 0.1:
            option = f"[{', '.join(options)}]"
        elif kind < 0.15:
            option = "null"
        elif kind < 0.2:
            option = "???"
        elif kind < 0.25:
            option = "absent"
        elif kind < 0.3:
            option = "${db}"
        return {key: option}

    def overrides(self):
        return [self.override() for _ in range(self.random.randint(0, 3))]

    def override(self):
        random = self.random
        prefix = random.choice(["", "", "", "", "+", "++", "~"])
        if random.random() < 0.4:
            group = random.choice(list(self.GROUPS))
            package = random.choice(["", "", "", "@alias", "@_global_", "@a.b"])
            option = random.choice([*self.GROUPS[group], "absent", "null", "[" + ",".join(self.GROUPS[group]) + "]"])
            if prefix == "~" and random.random() < 0.7:
                return f"~{group}{package}"
            return f"{prefix}{group}{package}={option}"
        base = random.choice(["", "", "db.", "server.", "server.tls.", "loss.", "alias.", "exp."])
        key = base + random.choice([*self.KEYS, "nested.p", "nested.q", "nested.p.z", "items.0", "items.5", "items.0.a", "new", "port.x"])
        if prefix == "~" and random.random() < 0.7:
            return f"~{key}"
        value = random.choice(["1", "x", "null", "[1,2]", "{p:1}", "{new:1}", "'8'", "", "true", "1e-4", "${port}", "???", "[]", "{}", "1,2", "{1:a}", "a b"])
        return f"{prefix}{key}={value}"


def cases(random, count, folder):
    """Returns the cases of all sections."""
    grammar = Grammar(random)
    make_golden.TREES = folder / "trees"
    compose, info = [], []
    for number in range(max(1, count // 8)):
        name = f"tree{number}"
        tree = Tree(random, folder / "trees" / name)
        for _ in range(8):
            case = ([name], random.choice(["config", "config", "other"]), tree.overrides())
            compose.append(make_golden.compose_case(case))
            if random.random() < 0.2:
                info.append(make_golden.info_case(case))
    emitted = [random.choice([{"k": emit_value(random)}, [emit_value(random)]]) for _ in range(count)]
    return {
        "made_by": make_golden.VERSIONS,
        "environment": make_golden.ENVIRONMENT,
        "compose": compose,
        "info": info,
        "overrides": [make_golden.override_case(grammar.override()) for _ in range(count * 2)],
        "sweeps": [make_golden.sweep_case([f"a={grammar.value()}" for _ in range(random.randint(1, 2))]) for _ in range(count)],
        "yaml": [make_golden.yaml_case(yaml_text(random)) for _ in range(count)],
        "emit": [make_golden.emit_case(value) for value in emitted],
        "interpolate": [make_golden.interpolate_case(interpolation_document(random)) for _ in range(count)],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200, help="about the number of cases of each section")
    parser.add_argument("folder", type=Path, help="emptied first")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.update(make_golden.ENVIRONMENT)
    shutil.rmtree(arguments.folder, ignore_errors=True)
    golden = cases(random.Random(arguments.seed), arguments.count, arguments.folder)
    (arguments.folder / "golden.json").write_text(make_golden.lines(golden), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
