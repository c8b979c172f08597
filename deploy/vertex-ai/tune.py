#!/usr/bin/env python3
"""Runs the trainer as a trial of a Vertex AI hyperparameter tuning job.

Vertex AI appends the settings of the trial to the arguments as --NAME=VALUE, and reads results from the file that
CLOUD_ML_HP_METRIC_FILE names. The trainer takes NAME=VALUE, and writes a line of metrics.jsonl after each epoch.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

METRIC = "val_metric"
FILE = pathlib.Path(os.environ.get("CLOUD_ML_HP_METRIC_FILE", "/tmp/hypertune/output.metrics"))
TRIAL = os.environ.get("CLOUD_ML_TRIAL_ID", "0")


def main():
    before = set(runs())
    trainer = subprocess.Popen(["bcs-trainer", *map(override, sys.argv[1:])])
    reported = 0
    while True:
        ended = trainer.poll() is not None
        reported = report(before, reported)
        if ended:
            return trainer.returncode
        time.sleep(1)


def override(argument):
    """--train_hyp.learning_rate=0.001 of Vertex AI as the override that the trainer takes; others as they are."""
    return argument.removeprefix("--") if argument.startswith("--") and "." in argument.split("=")[0] else argument


def runs():
    """Files with the metrics of runs, in the trainer's output folder."""
    return sorted(pathlib.Path("outputs").glob("*/*/metrics.jsonl"))


def report(before, reported):
    """Passes on the epochs that have not been, and returns the number of those that have."""
    for file in runs():
        if file not in before:
            # A last line without its end is still being written.
            lines = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
            for line in lines[reported:]:
                epoch = json.loads(line)
                entry = {"timestamp": time.time(), "trial": TRIAL, METRIC: str(float(epoch[METRIC])),
                         "global_step": str(epoch["epoch"]), "checkpoint_path": ""}
                FILE.parent.mkdir(parents=True, exist_ok=True)
                with FILE.open("a") as metrics:
                    metrics.write(json.dumps(entry, sort_keys=True) + "\n")
            return max(reported, len(lines))
    return reported


if __name__ == "__main__":
    sys.exit(main())
