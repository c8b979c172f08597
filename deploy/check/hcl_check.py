"""Checks the Terraform files without Terraform: references, inputs, outputs, unused variables, and the provider's schema.

Terraform itself checks most of this too (terraform_run.py), but not that variables and locals are used and described, and
it is not installed everywhere.
"""

import json
import pathlib
import re

import hcl2
from report import Problem

FOLDER = pathlib.Path(__file__).resolve().parent
TERRAFORM = FOLDER.parent / "terraform"
# Arguments of Terraform that every resource has.
META = {"count", "for_each", "depends_on", "lifecycle", "provider"}


def check(root=TERRAFORM):
    root = root.resolve()
    schema = json.loads((FOLDER / "provider_schema.json").read_text())
    folders = [root, *sorted(path for path in (root / "modules").iterdir() if path.is_dir())]
    modules = {folder: Module(folder, schema) for folder in folders}
    problems = [problem for module in modules.values() for problem in module.problems(modules)]
    problems += unused_modules(modules, root) + example_problems(root, modules[root])
    if problems:
        raise Problem("\n".join(problems))
    resources = sum(len(module.resources) for module in modules.values())
    return f"{len(modules)} modules with {resources} resources agree with the provider {schema['version']}"


class Module:
    """The files of one folder."""

    def __init__(self, folder, schema):
        self.folder, self.schema = folder, schema
        self.blocks = {}
        for file in sorted(folder.glob("*.tf")):
            for kind, blocks in parse(file).items():
                if not kind.startswith("__"):
                    self.blocks.setdefault(kind, []).extend(blocks)
        self.variables = self.labelled("variable")
        self.outputs = self.labelled("output")
        self.calls = self.labelled("module")
        self.locals = {name: value for block in self.blocks.get("locals", []) for name, value in content(block).items()}
        self.resources = self.typed("resource")
        self.data = self.typed("data")

    def labelled(self, kind):
        return {unquote(name): body for block in self.blocks.get(kind, []) for name, body in content(block).items()}

    def typed(self, kind):
        return {(unquote(type_), unquote(name)): body for block in self.blocks.get(kind, [])
                for type_, named in content(block).items() for name, body in content(named).items()}

    def problems(self, modules):
        expressions = list(strings(self.blocks))
        found = [*self.undescribed(), *self.unused(expressions), *self.unresolved(expressions, modules)]
        for name, call in self.calls.items():
            found += self.call_problems(name, call, modules)
        for kind, entries in [("resources", self.resources), ("data_sources", self.data)]:
            for (type_, name), body in entries.items():
                block = self.schema[kind].get(type_)
                where = f"{type_}.{name}"
                found += block_problems(where, body, block, META) if block else [f"{where}: the provider has no {type_}"]
        return [f"{self.folder.name}: {problem}" for problem in found]

    def undescribed(self):
        for name, body in self.variables.items():
            yield from (f"variable {name} has no {key}" for key in ["description", "type"] if key not in body)
        yield from (f"output {name} has no description" for name, body in self.outputs.items() if "description" not in body)

    def unused(self, expressions):
        # A validation uses its own variable, but that gives it no effect.
        outside = list(strings({kind: blocks for kind, blocks in self.blocks.items() if kind != "variable"}))
        used = {name for text in outside for name in re.findall(r"\bvar\.(\w+)", code(text))}
        yield from (f"variable {name} is not used" for name in sorted(self.variables.keys() - used))
        used = {name for text in expressions for name in re.findall(r"\blocal\.(\w+)", code(text))}
        yield from (f"local {name} is not used" for name in sorted(self.locals.keys() - used))

    def unresolved(self, expressions, modules):
        for text in map(code, expressions):
            for kind, known in [("var", self.variables), ("local", self.locals)]:
                yield from (f"{kind}.{name} is not declared" for name in re.findall(rf"(?<![\w.]){kind}\.(\w+)", text)
                            if name not in known)
            for name, output in re.findall(r"(?<![\w.])module\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?", text):
                if name not in self.calls:
                    yield f"module.{name} is not declared"
                elif output and self.target(name) in modules and output not in modules[self.target(name)].outputs:
                    yield f"module.{name} has no output {output}"
            for data, type_, name, attribute in re.findall(
                    r"(?<![\w.])(data\.)?(google_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?", text):
                known = self.data if data else self.resources
                block = self.schema["data_sources" if data else "resources"].get(type_)
                if (type_, name) not in known:
                    yield f"{data}{type_}.{name} is not declared"
                elif attribute and block and attribute not in block["attributes"] | block["block_types"]:
                    yield f"{data}{type_}.{name} has no attribute {attribute}"

    def target(self, name):
        return (self.folder / unquote(self.calls[name]["source"])).resolve()

    def call_problems(self, name, call, modules):
        target = modules.get(self.target(name))
        if target is None:
            return [f"module.{name}: there is no folder {unquote(call['source'])}"]
        given = content(call).keys() - META - {"source", "version", "providers"}
        required = {key for key, body in target.variables.items() if "default" not in body}
        return [*(f"module.{name} has no variable {key}" for key in sorted(given - target.variables.keys())),
                *(f"module.{name} is not given {key}" for key in sorted(required - given))]


def block_problems(where, body, schema, meta=frozenset()):
    """Arguments and blocks that the provider does not have, and required ones that are missing."""
    attributes, blocks = schema["attributes"], schema["block_types"]
    given = {}
    for name, value in content(body).items():
        if name == "dynamic":
            for entry in value:
                for block, dynamic in content(entry).items():
                    given[unquote(block)] = [nested for nested in as_list(content(dynamic)["content"])]
        else:
            given[name] = value
    for name, value in given.items():
        if name in blocks:
            if name == "timeouts":
                continue
            entries = as_list(value)
            if len(entries) > blocks[name].get("max_items", len(entries)):
                yield f"{where}: {name} is given {len(entries)} times"
            for entry in entries:
                yield from block_problems(f"{where}.{name}", entry, blocks[name]["block"])
        elif name not in attributes and name not in meta:
            yield f"{where}: the provider has no argument {name} here"
        elif name in attributes and not attributes[name].get("optional") and not attributes[name].get("required"):
            yield f"{where}: {name} is set by the provider"
    required = {name for name, attribute in attributes.items() if attribute.get("required")}
    required |= {name for name, block in blocks.items() if block.get("min_items")}
    yield from (f"{where}: the argument {name} is required" for name in sorted(required - given.keys()))


def unused_modules(modules, root):
    used = {module.target(name) for module in modules.values() for name in module.calls}
    return [f"module {folder.name} is not used" for folder in modules if folder != root and folder not in used]


def example_problems(root, module):
    """The example names every variable, so that its commented lines are settings that exist."""
    text = (root / "terraform.tfvars.example").read_text()
    text = re.sub(r"^# (\w+ *= )", r"\1", text, flags=re.MULTILINE)
    names = {name for name in hcl2.loads(text) if not name.startswith("__")}
    unknown, missing = names - module.variables.keys(), module.variables.keys() - names - {"force_destroy"}
    return [*(f"terraform.tfvars.example: there is no variable {name}" for name in sorted(unknown)),
            *(f"terraform.tfvars.example leaves out {name}" for name in sorted(missing))]


def parse(file):
    try:
        with open(file) as source:
            return hcl2.load(source)
    except Exception as error:
        raise Problem(f"{file.name} of {file.parent.name} cannot be parsed: {error}") from error


def content(block):
    return {name: value for name, value in block.items() if not name.startswith("__")}


def unquote(text):
    return text.strip('"')


def as_list(value):
    return value if isinstance(value, list) else [value]


def strings(value):
    """All strings in a parsed file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, entry in value.items():
            if not name.startswith("__"):
                yield name
                yield from strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from strings(entry)


def code(text):
    """The expressions of a string: what is inside ${…}, nested or not, without literals."""
    found = []
    depth, start = 0, 0
    for index, character in enumerate(text):
        if text.startswith("${", index):
            if depth == 0:
                start = index + 2
            depth += 1
        elif character == "{" and depth and text[index - 1] != "$":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                found.append(text[start:index])
    return " ".join(re.sub(r'"[^"$]*"', '""', expression) for expression in found)


if __name__ == "__main__":
    print(check())
