"""The runner of the workflows, and the scripts that they call, on small cases."""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import tempfile
import unittest

from expressions import condition, replace
from run import Workflow, combinations

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"
TABLE = """\
Timer precision: 20 ns
networks                 fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ forward                             │               │               │               │         │
│  ├─ DynUNet            61.2 ms       │ 70.1 ms       │ 64 ms         │ 65.1 ms       │ 5       │ 5
│  ╰─ UNet               812 µs        │ 1.2 ms        │ 900.5 µs      │ 1 ms          │ 5       │ 5
╰─ constant              1.5 s         │ 2 s           │ 1.75 s        │ 1.8 s         │ 5       │ 5
"""


def script(name):
    loader = importlib.machinery.SourceFileLoader(name, str(SCRIPTS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class Expressions(unittest.TestCase):
    context = {"github": {"event_name": "push", "ref": "refs/heads/main"}, "inputs": {}, "matrix": {"target": "decode"},
               "steps": {"images": {"outputs": {"trainer-digest": "sha256:1"}}}}

    def test_values(self):
        self.assertEqual(replace("fuzz-${{ matrix.target }}-${{ inputs.accept }}", self.context), "fuzz-decode-")
        self.assertEqual(replace("${{ steps.images.outputs.trainer-digest }}", self.context), "sha256:1")
        self.assertEqual(replace("${{ github.ref != 'refs/heads/main' }}", self.context), "false")

    def test_conditions(self):
        on_main = "github.event_name == 'push' && github.ref == 'refs/heads/main'"
        self.assertTrue(condition(on_main, self.context, failed=False))
        self.assertFalse(condition(on_main, self.context, failed=True))
        self.assertFalse(condition("!(github.event_name == 'push')", self.context, failed=False))
        self.assertEqual([condition(state, self.context, True) for state in ["always()", "failure()", "success()"]], [True, True, False])

    def test_what_is_not_known_is_an_error(self):
        for text in ["hashFiles('Cargo.lock')", "github.ref ? 1 : 2"]:
            with self.assertRaises(ValueError):
                condition(text, self.context, failed=False)


class Jobs(unittest.TestCase):
    def run_jobs(self, first):
        step = {"name": "s", "run": "exit $CODE", "env": {"CODE": "0"}}
        jobs = {"second": {"name": "b", "needs": "first", "runs-on": "ubuntu-24.04", "steps": [step]},
                "first": {"name": "a", "runs-on": "ubuntu-24.04", "steps": [{**step, "env": {"CODE": first}}, step]},
                "other": {"name": "c", "runs-on": "macos-15", "steps": [step]}}
        rows = Workflow("w", {True: {"push": {}}, "jobs": jobs}, {}).run(list(jobs))
        return [(job, result) for job, _, _, result in rows]

    def test_jobs_run_after_those_that_they_need(self):
        self.assertEqual(self.run_jobs("0"), [("w/first", "ok"), ("w/first", "ok"), ("w/second", "ok"), ("w/other", "not run: macos-15")])

    def test_a_failure_stops_the_job_and_those_that_need_it(self):
        self.assertEqual(self.run_jobs("3"), [("w/first", "FAILED"), ("w/first", "not run: a step failed"),
                                              ("w/second", "not run: first failed"), ("w/other", "not run: macos-15")])

    def test_a_matrix_has_all_combinations(self):
        self.assertEqual(combinations({"a": [1, 2], "b": ["x"]}), [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}])


class Scripts(unittest.TestCase):
    def test_medians_are_read_from_the_table_of_the_benchmarks(self):
        expected = {"forward/DynUNet": 64e6, "forward/UNet": 900.5e3, "constant": 1.75e9}
        self.assertEqual(script("regression").medians(TABLE), expected)

    def test_what_takes_longer_than_the_limit_is_slower(self):
        self.assertEqual(script("regression").report({"a": 1e6, "b": 1e6}, {"a": 1.2e6, "b": 1.4e6, "c": 9e6}, 1.3), ["b"])

    def test_coverage_is_summed_by_crate_and_fails_below_the_floor(self):
        coverage = script("coverage")
        files = {"crates/bcs-drift/src/a.rs": (90, 100), "crates/bcs-drift/src/b/c.rs": (10, 10), "services/trainer/src/d.rs": (70, 90)}
        entries = [{"filename": str(coverage.ROOT / file), "summary": {"lines": {"covered": covered, "count": count}}}
                   for file, (covered, count) in files.items()]
        with tempfile.TemporaryDirectory() as name:
            coverage.FOLDER = pathlib.Path(name)
            coverage.SUMMARY = coverage.FOLDER / "summary.json"
            coverage.SUMMARY.write_text(json.dumps({"data": [{"files": entries}]}))
            os.environ.pop("GITHUB_STEP_SUMMARY", None)
            coverage.report()
            rows = [line.split() for line in (coverage.FOLDER / "coverage.txt").read_text().splitlines()[1:]]
            coverage.FLOOR = 86
            with self.assertRaisesRegex(SystemExit, "85.00 % of lines are run, less than 86 %"):
                coverage.report()
        self.assertEqual(rows, [["crates/bcs-drift", "100", "110", "90.91"], ["services/trainer", "70", "90", "77.78"],
                                ["total", "170", "200", "85.00"]])

    def test_the_badge_has_the_colour_of_its_percentage(self):
        coverage = script("coverage")
        self.assertIn("#2e7d32", coverage.badge(93.2))
        self.assertIn("93 %", coverage.badge(93.2))
        self.assertIn("#c62828", coverage.badge(12))


if __name__ == "__main__":
    unittest.main()
