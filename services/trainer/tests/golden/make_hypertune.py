"""Makes hypertune.json: what Google's cloudml-hypertune writes for a list of reports at given times.

    python make_hypertune.py            # writes the file
    python make_hypertune.py --check    # compares it with what this machine computes
"""
import json
import os
import pathlib
import sys
import tempfile
import time
from unittest import mock

import hypertune

FILE = pathlib.Path(__file__).with_name("hypertune.json")

VALUES = [0.8123, 0.0, 1.0, 1 / 3, 1e-05, 0.0001, 1.2345678901234567e-07, float("nan"), 0.5]


def main():
    reports = [{"value": VALUES[at % len(VALUES)], "step": at, "time": 1700000000 + at * 17.25 + 0.000123} for at in range(104)]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "metrics/output.metrics"
        with mock.patch.dict(os.environ, CLOUD_ML_HP_METRIC_FILE=str(file), CLOUD_ML_TRIAL_ID="7"):
            tuner = hypertune.HyperTune()
        files = {}
        for count, report in enumerate(reports, start=1):
            with mock.patch.object(time, "time", lambda: report["time"]):
                tuner.report_hyperparameter_tuning_metric("val_metric", report["value"], report["step"])
            if count in (1, 3, len(reports)):
                files[count] = file.read_text()
    for report in reports:
        # NaN is no JSON.
        report["value"] = None if report["value"] != report["value"] else report["value"]
    text = json.dumps({"trial": "7", "reports": reports, "files": files}, indent=0) + "\n"
    if "--check" not in sys.argv:
        FILE.write_text(text)
    elif FILE.read_text() != text:
        sys.exit(f"{FILE} differs from what cloudml-hypertune writes")


if __name__ == "__main__":
    main()
