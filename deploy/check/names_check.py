"""Checks that deploy/ names what the programs have: environment variables, routes, metrics, training settings, log messages.

The code is the reference: its settings, the pages of the book that are generated from the programs, and the configuration
tree of the trainer.
"""

import pathlib
import re

import yaml
from api_check import load
from report import Problem

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
ROOT = DEPLOY.parent
SERVICES = ["predictor", "drift-monitor", "trainer"]


def check(deploy=DEPLOY):
    problems = [*environment_problems(deploy), *route_problems(deploy), *metric_problems(deploy),
                *override_problems(deploy), *log_problems(deploy)]
    if problems:
        raise Problem("\n".join(problems))
    return "environment variables, routes, metrics, training settings and log messages are those of the programs"


def code(*folders):
    return "\n".join(file.read_text() for folder in folders for file in sorted((ROOT / folder).rglob("*.rs")))


def containers(deploy):
    """Each container of the YAML files: file, service by its image, environment, arguments, probes."""
    def walk(value):
        if isinstance(value, dict):
            image = value.get("image") or value.get("imageUri")
            if isinstance(image, str):
                yield image, value
            for entry in value.values():
                yield from walk(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from walk(entry)

    for folder in ["cloud-run", "vertex-ai", "compose"]:
        for file in sorted((deploy / folder).glob("*.yaml")):
            for image, container in walk(load(file)):
                name = re.sub(r"[:@].*", "", image.rsplit("/", 1)[-1])
                if name in SERVICES:
                    yield file.relative_to(deploy), name, container


def environment_problems(deploy):
    known = known_variables()
    found = [(file, service, name) for file, service, container in containers(deploy) for name in names(container)]
    for service in SERVICES:
        for module in [service, {"predictor": "batch-prediction"}.get(service, service)]:
            file = deploy / f"terraform/modules/{module}/main.tf"
            text = file.read_text() if file.exists() else ""
            variables = re.findall(r"^\s+([A-Z][A-Z0-9_]+)\s+= |\bname\s+= \"([A-Z][A-Z0-9_]+)\"|\{ ([A-Z][A-Z0-9_]+) = ", text, re.M)
            found += [(file.relative_to(deploy), service, next(filter(None, match))) for match in variables]
    if not found:
        yield "no environment variable was found in deploy/"
    yield from (f"{file}: bcs-{service} has no environment variable {name}" for file, service, name in found
                if name not in known[service])


def names(container):
    environment = container.get("env") or container.get("environment") or []
    return list(environment) if isinstance(environment, dict) else [entry["name"] for entry in environment]


def known_variables():
    quoted = re.compile(r'"([A-Z][A-Z0-9_]{3,})"')
    shared = set(quoted.findall("\n".join((ROOT / "crates" / file).read_text() for file in [
        "bcs-service/src/logging.rs", "bcs-service/src/trace.rs", "bcs-storage/src/gcs/endpoint.rs"])))
    settings = {service: set(re.findall(r'"([A-Z][A-Z0-9_]{3,})"', (ROOT / f"services/{service}/src/settings.rs").read_text()
                                        .split("#[cfg(test)]")[0])) for service in ["predictor", "drift-monitor"]}
    tracking = quoted.findall("\n".join((ROOT / "crates/bcs-tracking/src" / file).read_text() for file in [
        "location.rs", "wandb/settings.rs"]))
    tree = "\n".join(file.read_text() for file in (ROOT / "config/hydra").rglob("*.yaml"))
    # Both services share the compose file's block of storage settings.
    both = settings["predictor"] | settings["drift-monitor"]
    return {"predictor": both | shared, "drift-monitor": both | shared,
            "trainer": set(re.findall(r"\$\{oc\.env:(\w+)", tree)) | shared | set(tracking)}


def route_problems(deploy):
    pages = (ROOT / "docs/reference/http-api.md").read_text().split("\n## bcs-")[1:]
    routes = {page.split("\n", 1)[0]: set(re.findall(r"^### (?:GET|POST|PUT) (\S+)$", page, re.M)) for page in pages}
    found = []
    for file, service, container in containers(deploy):
        for key, value in container.items():
            if key.endswith("Probe"):
                found.append((file, service, value["httpGet"]["path"]))
            elif key.endswith("Route"):
                found.append((file, service, value))
    for service in ["predictor", "drift-monitor"]:
        file = deploy / f"terraform/modules/{service}/main.tf"
        found += [(file.relative_to(deploy), service, path) for path in re.findall(r'\bpath = "(/\w+)"\n', file.read_text())]
    scheduler = load(deploy / "scheduler/drift.yaml")["httpTarget"]["uri"]
    found.append(("scheduler/drift.yaml", "drift-monitor", "/" + scheduler.split("/", 3)[3]))
    module = (deploy / "terraform/modules/scheduler/main.tf").read_text()
    found.append(("terraform/modules/scheduler/main.tf", "drift-monitor", re.search(r'\$\{var\.url\}(/\w+)"', module).group(1)))
    if len(found) < 10:
        yield f"only {len(found)} routes were found in deploy/"
    yield from (f"{file}: bcs-{service} has no route {route}" for file, service, route in found if route not in routes[service])


def metric_problems(deploy):
    known = set(re.findall(r"^\| `(bcs_\w+)`", (ROOT / "docs/reference/metrics.md").read_text(), re.M))
    known |= {f"{name}{suffix}" for name in known for suffix in ["_bucket", "_sum", "_count"]}
    for file in [deploy / "prometheus/rules.yml", deploy / "grafana/bcs.json"]:
        text = file.read_text()
        expressions = re.findall(r'"expr": "(.*)"', text) if file.suffix == ".json" else [
            rule["expr"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
        used = {name for expression in expressions for name in re.findall(r"\bbcs_\w+", expression)}
        if not used:
            yield f"{file.relative_to(deploy)} has no metric"
        yield from (f"{file.relative_to(deploy)}: no program has the metric {name}" for name in sorted(used - known))


def override_problems(deploy):
    """Overrides of the trainer: options that there are, and keys of the default options."""
    tree = ROOT / "config/hydra"
    defaults = yaml.safe_load((tree / "config_hydra.yaml").read_text())["defaults"]
    groups = {group: yaml.safe_load((tree / group / f"{option}.yaml").read_text())
              for entry in defaults if isinstance(entry, dict) for group, option in entry.items() if option}
    found = []
    for file, service, container in containers(deploy):
        if service == "trainer":
            found += [(file, word) for word in container.get("args") or container.get("command") or [] if "=" in word]
    study = load(deploy / "vertex-ai/tune.yaml")["studySpec"]
    found += [("vertex-ai/tune.yaml", f"{parameter['parameterId']}=") for parameter in study["parameters"]]
    tag = re.search(r'const TAG: &str = "(\w+)"', (ROOT / "services/trainer/src/training/hypertune.rs").read_text())[1]
    if [metric["metricId"] for metric in study["metrics"]] != [tag]:
        yield f"vertex-ai/tune.yaml: the trainer reports the metric {tag} alone"
    script = (deploy / "compute-engine/startup.sh").read_text()
    found += [("compute-engine/startup.sh", word) for word in re.findall(r"\b((?:data|train_hyp)\.[\w.]+=)", script)]
    for file, word in found:
        key, value = word.split("=", 1)
        group, _, name = key.partition(".")
        if not name and not (tree / group / f"{value}.yaml").exists():
            yield f"{file}: the training configuration has no {word}"
        elif name and group != "hydra" and not has(groups, key):
            yield f"{file}: the training configuration has no {key}"


def has(tree, key):
    """Whether a tree of settings has a key such as train_hyp.checkpoint.keep_last."""
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def log_problems(deploy):
    """Messages by which alerts are counted are those that the monitor logs."""
    filters = re.findall(r'jsonPayload\.message=~?\\"\^?(.*?)\\"', (deploy / "terraform/modules/monitoring/main.tf").read_text())
    messages = re.findall(r'(?:info|warn)!\([^;]*?"((?:[^"\\]|\\.)*)"\s*\)', code("services/drift-monitor/src"))
    if len(filters) != 2:
        yield f"{len(filters)} filters of log messages were found"
    yield from (f"monitoring: the drift monitor logs no message '{text}'" for text in filters
                if not any(message.startswith(text) for message in messages))


if __name__ == "__main__":
    print(check())
