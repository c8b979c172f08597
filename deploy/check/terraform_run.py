"""Runs Terraform on deploy/terraform: its own validation, and the tests with a mocked provider.

Where the program `terraform` or `tofu` is not installed, says so. The provider is the one that provider_plugin.py stands in
for, so that nothing is downloaded.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from report import Problem

FOLDER = pathlib.Path(__file__).resolve().parent
DEPLOY = FOLDER.parent


def check(deploy=DEPLOY):
    program = shutil.which("terraform") or shutil.which("tofu")
    if not program:
        return "neither terraform nor tofu is installed, so that only the references are checked"
    with tempfile.TemporaryDirectory(prefix="bcs-terraform-") as folder:
        folder = pathlib.Path(folder)
        # Terraform writes into the folder that it runs in.
        for name in ["terraform", "compute-engine"]:
            shutil.copytree(deploy / name, folder / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"))
        environment = prepare_provider(folder, pathlib.Path(program).name)
        steps = [["fmt", "-check", "-recursive", "-diff"], ["init", "-backend=false", "-input=false"], ["validate"], ["test"]]
        for step in steps:
            result = subprocess.run([program, f"-chdir={folder / 'terraform'}", *step, "-no-color"] if step[0] != "fmt"
                                    else [program, *step, "-no-color", str(folder / "terraform")],
                                    env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if result.returncode != 0:
                raise Problem(f"{pathlib.Path(program).name} {step[0]}:\n{result.stdout.strip()}")
        passed = result.stdout.strip().splitlines()[-1]
    return f"{pathlib.Path(program).name} fmt, validate and test: {passed}"


def prepare_provider(folder, program):
    """A mirror with the provider, and the configuration that makes Terraform take it from there and from nowhere else."""
    schema = (FOLDER / "provider_schema.json").read_text()
    version = schema.split('"', 4)[3]
    registry = "registry.opentofu.org" if program == "tofu" else "registry.terraform.io"
    place = folder / f"mirror/{registry}/hashicorp/google/{version}/{platform()}"
    place.mkdir(parents=True)
    provider = place / f"terraform-provider-google_v{version}"
    provider.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FOLDER / "provider_plugin.py"}"\n')
    provider.chmod(0o755)
    settings = folder / "terraform.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder / "mirror"}"\n  }}\n}}\n'
                        "disable_checkpoint = true\n")
    return {**os.environ, "TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


def platform():
    system, machine = os.uname().sysname.lower(), os.uname().machine
    return f"{system}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine)}"


if __name__ == "__main__":
    print(check())
