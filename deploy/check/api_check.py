"""Checks the files for Cloud Run, Vertex AI and Cloud Scheduler against the published shapes of their APIs.

The discovery documents of the APIs come with google-api-python-client. They are read strictly: keys that an API does not
name are errors, and so are values outside its enumerations.
"""

import json
import pathlib
import re

import googleapiclient
import jsonschema
import yaml
from report import Problem

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = pathlib.Path(googleapiclient.__file__).parent / "discovery_cache/documents"
VERTEX = "GoogleCloudAiplatformV1"
# File, API, and the schema that it is a message of.
FILES = {
    "cloud-run/predictor.yaml": ("run.v1", "Service"),
    "cloud-run/drift-monitor.yaml": ("run.v1", "Service"),
    "cloud-run/segment.yaml": ("run.v1", "Job"),
    "cloud-run/drift-run.yaml": ("run.v1", "Job"),
    "scheduler/drift.yaml": ("cloudscheduler.v1", "Job"),
    "vertex-ai/train-cpu.yaml": ("aiplatform.v1", f"{VERTEX}CustomJobSpec"),
    "vertex-ai/train-gpu.yaml": ("aiplatform.v1", f"{VERTEX}CustomJobSpec"),
    "vertex-ai/train-spot.yaml": ("aiplatform.v1", f"{VERTEX}CustomJobSpec"),
    "vertex-ai/train-gpus.yaml": ("aiplatform.v1", f"{VERTEX}CustomJobSpec"),
    "vertex-ai/train-machines.yaml": ("aiplatform.v1", f"{VERTEX}CustomJobSpec"),
    "vertex-ai/sweep.yaml": ("aiplatform.v1", f"{VERTEX}CustomJobSpec"),
    "vertex-ai/tune.yaml": ("aiplatform.v1", f"{VERTEX}HyperparameterTuningJob"),
    "vertex-ai/model.yaml": ("aiplatform.v1", f"{VERTEX}UploadModelRequest"),
    "vertex-ai/deployment.yaml": ("aiplatform.v1", f"{VERTEX}DeployModelRequest"),
    "terraform/modules/monitoring/dashboard.json.tftpl": ("monitoring.v1", "Dashboard"),
}
# What ${…} stand for, as deploy/README.md says.
VALUES = {
    "PROJECT_ID": "my-project", "REGION": "europe-west4", "REGISTRY": "europe-west4-docker.pkg.dev/my-project/bcs",
    "REVISION": "0123abc", "MODEL_PATH": "train-2026-11-24_10-00-00/best_model-val_metric=0.87",
    "MONITOR_URL": "https://drift-monitor-1.a.run.app", "MODEL": "projects/1/locations/europe-west4/models/2",
}
TEMPLATE_VALUES = {"project": "my-project", "drift": "bcs/drift", "drift_runs": "bcs/drift_runs"}


def check(deploy=DEPLOY):
    problems = unlisted(deploy)
    for name, (api, schema) in FILES.items():
        validator = jsonschema.Draft202012Validator(json_schema(api, schema))
        for error in sorted(validator.iter_errors(load(deploy / name)), key=str):
            problems.append(f"{name}: {'.'.join(map(str, error.absolute_path)) or 'the file'}: {error.message}")
    if problems:
        raise Problem("\n".join(problems))
    return f"{len(FILES)} files agree with the APIs {', '.join(sorted({api for api, _ in FILES.values()}))}"


def unlisted(deploy):
    found = {str(path.relative_to(deploy)) for folder in ["cloud-run", "scheduler", "vertex-ai"]
             for path in (deploy / folder).glob("*.yaml")}
    return [f"{name} is not checked against an API" for name in sorted(found - FILES.keys())]


def load(file):
    """The content of a file with values in the place of its variables."""
    values = TEMPLATE_VALUES if file.suffix == ".tftpl" else VALUES
    try:
        return yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda match: values[match.group(1)], file.read_text()))
    except KeyError as error:
        raise Problem(f"{file.name}: ${{{error.args[0]}}} is not one of {', '.join(values)}") from error


def json_schema(api, name):
    """The schema of a discovery document as a strict JSON schema."""
    schemas = json.loads((DOCUMENTS / f"{api}.json").read_text())["schemas"]
    definitions = {key: strict(schema) for key, schema in schemas.items()}
    return {"$ref": f"#/$defs/{name}", "$defs": definitions}


def strict(schema):
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kind = schema.get("type", "any")
    if kind == "object":
        properties = {name: strict(value) for name, value in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties")
        return {"type": "object", "properties": properties, "additionalProperties": strict(others) if others else False}
    if kind == "array":
        return {"type": "array", "items": strict(schema["items"])}
    if "enum" in schema:
        return {"enum": schema["enum"]}
    if kind == "string" and schema.get("format") in ("int64", "uint64"):
        # JSON has no integers of 64 bits: the APIs take both.
        return {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]+$"}]}
    if kind == "string" and schema.get("format") == "google-duration":
        return {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,9})?s$"}
    return {} if kind == "any" else {"type": kind}


if __name__ == "__main__":
    print(check())
