"""The reference pages of the book, from what the programs print, publish and expose."""

import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REFERENCE = ROOT / "docs/reference"
PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release"


def generated():
    """The pages and their texts."""
    with tempfile.TemporaryDirectory() as folder:
        import_model(folder)
        with Server("bcs-predictor", folder) as predictor, Server("bcs-drift-monitor", folder) as monitor:
            servers = [predictor, monitor]
            use(*servers)
            return {
                REFERENCE / "command-line.md": command_line(),
                REFERENCE / "http-api.md": http_api(servers),
                REFERENCE / "metrics.md": metrics(servers),
            }


def import_model(folder):
    """A small model as a package."""
    weights = ROOT / "services/predictor/tests/predictor/fixtures/unet.safetensors"
    network = ["model_hyp.channels=[4,8]", "model_hyp.strides=[2]", "model_hyp.num_res_units=1"]
    subprocess.run([PROGRAMS / "bcs-trainer", "import", "--weights", weights, *network, "--output", f"{folder}/model"],
                   check=True, stdout=subprocess.DEVNULL)
    add_reference(pathlib.Path(folder, "model"))


def add_reference(package):
    """A drift reference of three cases in the package."""
    metadata = json.loads((package / "metadata.json").read_text())
    cases = [case for case in "abc" for _ in range(2)]
    features = {"grey_mean": [0.5, 0.51, 0.6, 0.61, 0.7, 0.71]}
    reference = json.dumps({"format_version": 2, "model_version": metadata["version"],
                            "image": {"cases": cases, "features": features}, "model": {"cases": [], "features": {}}})
    (package / "reference.json").write_text(reference)
    metadata.setdefault("files", {})["reference.json"] = hashlib.sha256(reference.encode()).hexdigest()
    (package / "metadata.json").write_text(json.dumps(metadata))


def use(predictor, monitor):
    """Predictions of three cases, a correction and a run: metrics with labels are not there before their first value."""
    predictor.wait_until_ready()
    for case, side in [("x", 48), ("y", 56), ("z", 64)]:
        answer = predictor.send("POST", "/predict-img/?output=json", *form(png(side)), {"x-case": case})
    predictor.send("PUT", f"/predictions/{answer.headers['x-prediction-id']}/label", png(side), "image/png")
    monitor.send("POST", "/run", b'{"last": 3}', "application/json")


def png(side):
    """A black image with one channel, which is a mask of the first class as well."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (side + 1) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def form(file):
    head = b'--x\r\ncontent-disposition: form-data; name="data"; filename="tile.png"\r\n\r\n'
    return head + file + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


class Server:
    """A server on a free port."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def __enter__(self):
        environment = {**os.environ, "HOST": "127.0.0.1", "PORT": "0", "LOG_FORMAT": "json", "STORAGE_MODE": "local",
                       "MODEL_PATH": f"{self.folder}/model", "PREDICTIONS_BUCKET": f"{self.folder}/predictions",
                       "REPORTS_BUCKET": f"{self.folder}/reports"}
        os.makedirs(f"{self.folder}/predictions", exist_ok=True)
        self.process = subprocess.Popen([PROGRAMS / self.program], env=environment, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            address = json.loads(line).get("address") if line.startswith("{") else None
            if address:
                self.address = address
                return self
        sys.exit(f"docs: {self.program} does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def wait_until_ready(self):
        for _ in range(300):
            try:
                return self.get("/ready")
            except urllib.error.HTTPError:
                time.sleep(0.1)
        sys.exit(f"docs: {self.program} is not ready")

    def get(self, path):
        return urllib.request.urlopen(self.address + path).read().decode()

    def send(self, method, path, body, media_type, headers=None):
        headers = {"content-type": media_type, **(headers or {})}
        request = urllib.request.Request(self.address + path, data=body, method=method, headers=headers)
        return urllib.request.urlopen(request)


def command_line():
    text = "# Command line\nWhat `--help` prints.\n"
    for program in ["bcs-trainer", "bcs-predictor", "bcs-drift-monitor"]:
        usage = help_of([program])
        text += f"\n## {program}\n\n```text\n{usage}\n```\n"
        commands = re.search(r"^Commands:\n((?:  .*\n)+)", usage, re.MULTILINE).group(1)
        for command in re.findall(r"^  (\S+)", commands, re.MULTILINE):
            if command != "help":
                text += f"\n### {program} {command}\n\n```text\n{help_of([program, command])}\n```\n"
    return text


def help_of(command):
    result = subprocess.run([PROGRAMS / command[0], *command[1:], "--help"], capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def http_api(servers):
    text = ("# HTTP API\nFrom the OpenAPI descriptions that the servers publish at `/openapi.json`, and as Swagger UI at "
            "`/docs`. Errors are `application/problem+json` (RFC 9457).\n")
    for server in servers:
        description = json.loads(server.get("/openapi.json"))
        text += f"\n## {server.program}\n"
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                text += operation_text(method, path, operation)
    return text


def operation_text(method, path, operation):
    meaning = f"{operation.get('summary', '')}. {operation.get('description', '')}".strip()
    text = f"\n### {method.upper()} {path}\n{meaning}\n"
    parameters = operation.get("parameters", [])
    if parameters:
        text += "\n| parameter | in | meaning |\n|---|---|---|\n"
        for parameter in parameters:
            text += f"| `{parameter['name']}` | {parameter['in']} | {cell(parameter.get('description', ''))} |\n"
    text += "\n| status | meaning |\n|---|---|\n"
    for status, response in sorted(operation["responses"].items()):
        text += f"| {status} | {cell(response.get('description', ''))} |\n"
    return text


def cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def metrics(servers):
    text = "# Metrics\nWhat `GET /metrics` has, in the text format of Prometheus.\n"
    for server in servers:
        exposition = server.get("/metrics")
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.MULTILINE))
        text += f"\n## {server.program}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n"
        for name, meaning in sorted(re.findall(r"^# HELP (\S+) (.*)$", exposition, re.MULTILINE)):
            sample = re.search(rf"^{name}(?:_bucket)?\{{(.*)\}} ", exposition, re.MULTILINE)
            labels = re.findall(r'(\w+)="', sample.group(1)) if sample else []
            named = ", ".join(f"`{label}`" for label in sorted(labels) if label != "le")
            text += f"| `{name}` | {kinds[name]} | {named} | {cell(meaning)} |\n"
    return text
