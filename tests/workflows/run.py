"""Runs the steps of GitHub's workflows on this machine. See scripts/workflows."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import yaml
from expressions import condition, replace

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORKFLOWS = ROOT / ".github/workflows"
SHELLS = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}


def main():
    parser = argparse.ArgumentParser(prog="scripts/workflows")
    parser.add_argument("--list", action="store_true", help="print workflows and jobs")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="replaces a value of the YAML")
    parser.add_argument("chosen", nargs="*", default=["lint"], metavar="WORKFLOW[/JOB]")
    arguments = parser.parse_args()
    workflows = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(WORKFLOWS.glob("*.yml"))}
    if arguments.list:
        for name, workflow in workflows.items():
            for job, definition in workflow["jobs"].items():
                print(f"{f'{name}/{job}':22} {definition['name'].split(' ($')[0]}")
        return 0
    known = {name for workflow in workflows for name in [workflow, *(f"{workflow}/{job}" for job in workflows[workflow]["jobs"])]}
    unknown = [name for name in arguments.chosen if name not in known]
    if unknown:
        parser.error(f"there is no {unknown[0]}; see --list")
    overrides = dict(pair.split("=", 1) for pair in arguments.env)
    rows = []
    for name, workflow in workflows.items():
        jobs = [job for job in workflow["jobs"] if {name, f"{name}/{job}"} & set(arguments.chosen)]
        rows += Workflow(name, workflow, overrides).run(jobs)
    show(rows)
    return int(any(result == "FAILED" for *_, result in rows))


class Workflow:
    """One workflow file, and the results of the jobs that ran."""

    def __init__(self, name, workflow, overrides):
        # YAML reads the key `on` as true.
        self.name, self.workflow, self.triggers, self.overrides = name, workflow, workflow[True], overrides
        self.results, self.rows = {}, []

    def run(self, jobs):
        for job in self.in_order(jobs):
            for matrix in combinations(self.workflow["jobs"][job].get("strategy", {}).get("matrix", {})):
                self.run_job(job, matrix)
        return self.rows

    def in_order(self, jobs):
        """The jobs, each after those that it needs."""
        order = []

        def visit(job):
            for needed in needs(self.workflow["jobs"][job]):
                visit(needed)
            if job in jobs and job not in order:
                order.append(job)

        for job in jobs:
            visit(job)
        return order

    def run_job(self, job, matrix):
        definition = self.workflow["jobs"][job]
        context = {"matrix": matrix, "github": self.github(), "runner": {"os": "Linux"}, "inputs": {}, "steps": {}}
        label = f"{self.name}/{job}" + "".join(f" {value}" for value in matrix.values())
        system = replace(definition["runs-on"], context)
        failed = [needed for needed in needs(definition) if self.results.get(needed) == "FAILED"]
        if not system.startswith("ubuntu"):
            return self.row(label, "", None, f"not run: {system}")
        if failed:
            return self.row(label, "", None, f"not run: {failed[0]} failed")
        if not condition(definition.get("if", "success()"), context, failed=False):
            return self.row(label, "", None, f"not run: if {definition['if']}")
        job_failed = False
        environment = {**values(self.workflow, context), **values(definition, context)}
        with tempfile.TemporaryDirectory() as folder:
            for step in self.steps(definition["steps"], context):
                job_failed |= self.run_step(label, step, environment, job_failed, pathlib.Path(folder))
        self.results[job] = "FAILED" if job_failed else self.results.get(job, "ok")

    def steps(self, steps, context):
        """Steps with their contexts; those of an action in this repository instead of the action."""
        for step in steps:
            uses = step.get("uses", "")
            if not uses.startswith("./"):
                yield step, context
                continue
            action = yaml.safe_load((ROOT / uses / "action.yml").read_text())
            given = {name: replace(value, context) for name, value in step.get("with", {}).items()}
            inputs = {name: given.get(name, definition.get("default", "")) for name, definition in action["inputs"].items()}
            yield from self.steps(action["runs"]["steps"], {**context, "inputs": inputs})

    def run_step(self, job, step_and_context, environment, failed, folder):
        """Runs a step and returns whether it failed."""
        step, context = step_and_context
        name = step.get("name", step.get("uses", "").split("@")[0])
        if "run" not in step:
            self.row(job, name, None, "not run: an action")
            return False
        if not condition(step.get("if", "success()"), context, failed):
            self.row(job, name, None, "not run: a step failed" if failed else f"not run: if {step['if']}")
            return False
        print(f"\n── {job}: {name}", flush=True)
        script, outputs, path = folder / "script", folder / "outputs", ROOT / step.get("working-directory", ".")
        script.write_text(replace(step["run"], context))
        outputs.write_text("")
        files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(folder / "summary"), "GITHUB_WORKSPACE": str(ROOT)}
        environment = {**os.environ, "CI": "true", **files, **environment, **values(step, context), **self.overrides}
        start = time.monotonic()
        code = subprocess.run([*SHELLS[step.get("shell")], str(script)], cwd=path, env=environment, stdin=subprocess.DEVNULL).returncode
        self.row(job, name, time.monotonic() - start, "FAILED" if code else "ok")
        if "id" in step:
            found = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
            context["steps"][step["id"]] = {"outputs": found}
        return code != 0

    def github(self):
        event = next(iter(self.triggers))
        tags = "tags" in ((self.triggers.get("push") or {}) if isinstance(self.triggers, dict) else {})
        name = f"v{version()}" if tags else output("git", "branch", "--show-current") or "HEAD"
        return {"event_name": event, "ref": f"refs/{'tags' if tags else 'heads'}/{name}", "ref_name": name, "run_id": "1",
                "repository": "local/bcs", "actor": "local", "token": ""}

    def row(self, *row):
        self.rows.append(row)


def combinations(matrix):
    """The combinations of a matrix; one without values if there is no matrix."""
    found = [{}]
    for name, options in matrix.items():
        found = [{**one, name: option} for one in found for option in options]
    return found


def needs(definition):
    found = definition.get("needs", [])
    return [found] if isinstance(found, str) else found


def values(definition, context):
    return {name: replace(value, context) for name, value in definition.get("env", {}).items()}


def version():
    lines = (ROOT / "Cargo.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.strip()


def show(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    print(f"\n{'job':{widths[0]}}  {'step':{widths[1]}}  {'seconds':>8}  result")
    for job, step, seconds, result in rows:
        time = "" if seconds is None else f"{seconds:.1f}"
        print(f"{job:{widths[0]}}  {step:{widths[1]}}  {time:>8}  {result}")


if __name__ == "__main__":
    sys.exit(main())
