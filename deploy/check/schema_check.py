"""Checks the compose file, cloudbuild.yaml and the Prometheus rules by the schemas and programs that their makers publish."""

import pathlib
import shutil
import subprocess
import sys

from report import Problem

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
ROOT = DEPLOY.parent
PROMTOOL = ROOT / ".tools/prometheus/promtool"


def check(deploy=DEPLOY):
    checker = pathlib.Path(sys.executable).parent / "check-jsonschema"
    run(checker, "--builtin-schema", "vendor.compose-spec", deploy / "compose/compose.yaml")
    run(checker, "--builtin-schema", "vendor.cloudbuild", ROOT / "cloudbuild.yaml")
    promtool = shutil.which("promtool") or (PROMTOOL if PROMTOOL.exists() else None)
    if not promtool:
        return "compose file and cloudbuild.yaml have the shapes of their schemas; promtool is not installed"
    run(promtool, "check", "config", deploy / "prometheus/prometheus.yml")
    run(promtool, "test", "rules", deploy / "prometheus/rules.test.yml")
    return "compose file, cloudbuild.yaml, Prometheus configuration and the tests of its rules"


def run(*command):
    result = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        raise Problem(result.stdout.strip())


if __name__ == "__main__":
    print(check())
