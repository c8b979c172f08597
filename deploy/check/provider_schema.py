"""Schema of the Google provider of Terraform, as `terraform providers schema -json` prints it.

    provider_schema.py [RESOURCE …]    writes provider_schema.json with the resources that deploy/terraform uses

The provider itself is a program of HashiCorp's registry. Its schema is also in the bindings for CDK Terrain, a package of
PyPI, as generated JavaScript: which attributes and blocks there are, their types, and which of them are required. What the
bindings leave out: descriptions, defaults, and most limits of the numbers of blocks.
"""

import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

FOLDER = pathlib.Path(__file__).resolve().parent
PACKAGE = "cdktn-provider-google==21.1.0"
FILE = FOLDER / "provider_schema.json"
TERRAFORM = FOLDER.parent / "terraform"

SIMPLE = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
GETTERS = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"],
           "NumberList": ["list", "number"], "StringMap": ["map", "string"], "Any": "dynamic"}


def main():
    names = set(sys.argv[1:]) or used_resources()
    with tempfile.TemporaryDirectory() as folder:
        library = download(pathlib.Path(folder))
        schema = extract(library, names)
    FILE.write_text(text_of(schema))
    print(f"provider_schema: {len(names)} resources of the provider {schema['version']} are in {FILE.name}")


def used_resources():
    blocks = [block for file in TERRAFORM.rglob("*.tf")
              for block in re.findall(r'^(resource|data) "(google_\w+)"', file.read_text(), re.MULTILINE)]
    return {name if kind == "resource" else f"data.{name}" for kind, name in blocks}


def download(folder):
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--dest", str(folder), PACKAGE], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        archive = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        wheel.extract(archive, folder)
    with tarfile.open(folder / archive) as files:
        files.extractall(folder, filter="data")
    return folder / "package/lib"


def extract(library, names):
    schema = {"version": "", "provider": {}, "resources": {}, "data_sources": {}}
    for name in sorted(names):
        data = name.startswith("data.")
        folder = name.removeprefix("data.").removeprefix("google_").replace("_", "-")
        folder = f"data-google-{folder}" if data else folder
        source = Source((library / folder / "index.js").read_text())
        schema["data_sources" if data else "resources"][name.removeprefix("data.")] = source.top()
        schema["version"] = re.search(r"providerVersion: '([^']+)'", source.text).group(1)
    provider = Source((library / "provider/index.js").read_text()).top()
    attributes = provider["attributes"]
    provider["attributes"] = {name: attributes[name] for name in attributes if not name.endswith("_custom_endpoint")}
    schema["provider"] = provider
    return schema


def text_of(schema):
    """JSON with one line per resource, so that a change of the provider is a readable difference."""
    lines = [f'"version": {json.dumps(schema["version"])}', f'"provider": {json.dumps(schema["provider"], sort_keys=True)}']
    for kind in ["resources", "data_sources"]:
        entries = [f'{json.dumps(name)}: {json.dumps(block, sort_keys=True)}' for name, block in sorted(schema[kind].items())]
        lines.append(f'"{kind}": {{' + ",".join(f"\n{entry}" for entry in entries) + "}")
    return "{" + ",\n".join(lines) + "}\n"


class Source:
    """Generated JavaScript of one resource."""

    def __init__(self, text):
        self.text = text[: text.rfind("//# sourceMappingURL")]
        self.classes = dict(re.findall(r"^class (\w+) extends cdktn\.\w+ \{\n(.*?)^\}", self.text, re.M | re.S))
        self.structs = {name.lower(): body for name, body in re.findall(
            r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", self.text, re.M | re.S)}
        self.main = re.search(r"^class (\w+) extends cdktn\.Terraform(?:Resource|DataSource|Provider) ", self.text, re.M).group(1)

    def top(self):
        body = self.classes[self.main]
        return self.block(body, body[body.rindex("synthesizeHclAttributes()"):])

    def nested(self, name):
        return self.block(self.classes.get(f"{name}OutputReference", ""), self.structs.get(name.lower(), ""))

    def block(self, body, struct):
        block = {"attributes": {}, "block_types": {}}
        members = self.members(body)
        settable = self.settable(struct)
        for name in sorted({*members, *settable}):
            flags, computed_type = members.get(name, ({"optional": True}, None))
            kind = settable.get(name)
            if kind and kind["block"]:
                block["block_types"][name] = self.nested_block(kind, flags)
            elif kind:
                block["attributes"][name] = {"type": self.type_of(kind), **flags}
            elif computed_type:
                block["attributes"][name] = {"type": computed_type, **flags}
        return block

    def nested_block(self, kind, flags):
        if kind["type"] == "struct":
            return {"nesting_mode": "single", "block": self.nested(kind["class"])}
        nested = {"nesting_mode": kind["type"], "block": self.nested(kind["class"].removesuffix("List"))}
        if flags.get("required"):
            nested["min_items"] = 1
        if not kind["many"]:
            nested["max_items"] = 1
        return nested

    def members(self, body):
        """Flags of each member, and the type of those that the provider computes."""
        members = {}
        pattern = r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n(.*?)(?=\n    // \w+ - computed:|\Z)"
        for name, computed, optional, required, code in re.findall(pattern, body, re.S):
            flags = {key: True for key, value in
                     [("computed", computed), ("optional", optional), ("required", required)] if value == "true"}
            members[name] = (flags, self.computed_type(code))
        return members

    def computed_type(self, code):
        getter = re.search(r"this\.get(\w+?)(?:Map)?Attribute\(", code)
        if getter:
            return GETTERS.get(getter.group(1), "dynamic")
        reference = re.search(r"= new (cdktn\.)?(\w+)\(this,", code)
        if not reference:
            return None
        if reference.group(1):
            kind = reference.group(2).lower()
            return ["map", "bool" if "boolean" in kind else "number" if "number" in kind else "string"]
        name = reference.group(2)
        nested = self.nested(name.removesuffix("List").removesuffix("OutputReference"))
        return ["list", object_type(nested)]

    def settable(self, struct):
        pattern = (r"^ {12}(\w+): \{\n\s+value: (.*?),\n\s+isBlock: (\w+),\n\s+type: \"(\w+)\",\n"
                   r"\s+storageClassType: \"(\w+)\"|^ {8}(\w+): \{\n\s+value: (.*?),\n\s+isBlock: (\w+),\n"
                   r"\s+type: \"(\w+)\",\n\s+storageClassType: \"(\w+)\"")
        found = {}
        for match in re.findall(pattern, struct, re.M):
            name, value, block, kind, storage = match[:5] if match[0] else match[5:]
            found[name] = {"block": block == "true", "type": kind, "class": storage, "many": "listMapperHcl" in value}
        return found

    def type_of(self, kind):
        """Type of an attribute in Terraform's JSON."""
        storage, shape = kind["class"], kind["type"]
        if shape == "simple":
            return SIMPLE[storage]
        if shape == "map":
            return ["map", SIMPLE[storage.removesuffix("Map")]] if storage.removesuffix("Map") in SIMPLE else ["map", "dynamic"]
        element = storage.removesuffix("List")
        if element in SIMPLE:
            return [shape, SIMPLE[element]]
        if element.endswith("List") and element.removesuffix("List") in SIMPLE:
            return [shape, ["list", SIMPLE[element.removesuffix("List")]]]
        return [shape, object_type(self.nested(element))]


def object_type(block):
    types = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block["block_types"].items():
        types[name] = ["list", object_type(nested["block"])]
    return ["object", types]


if __name__ == "__main__":
    main()
