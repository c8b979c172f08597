"""Drift of images in Python: the peer of `scripts/bench drift`.

    python benches/peers/drift.py REFERENCE CURRENT REPORT.html

The grey mean of each PNG file by MONAI, as the predecessor's job computed it, and Evidently's report on it. The answer is a JSON
object with the seconds of each step.
"""

import json
import pathlib
import sys
import time
import warnings

warnings.filterwarnings("ignore")


def main():
    reference, current, page = sys.argv[1:]
    start = time.perf_counter()
    seconds = {}

    def lap(name):
        nonlocal start
        now = time.perf_counter()
        seconds[name] = now - start
        start = now

    import monai
    import pandas
    import torch
    from evidently import Report
    from evidently.presets import DataDriftPreset

    lap("import")
    transforms = monai.transforms
    grey = transforms.Compose([transforms.LoadImage(image_only=True, ensure_channel_first=True), transforms.ScaleIntensity()])

    def table(folder):
        files = sorted(pathlib.Path(folder).rglob("*.png"))
        return pandas.DataFrame({"grey_mean": [float(torch.mean(grey(str(file)))) for file in files]})

    tables = [table(reference), table(current)]
    lap("features")
    Report([DataDriftPreset()]).run(tables[1], tables[0]).save_html(page)
    lap("report")
    print(json.dumps({"images": sum(map(len, tables)), "seconds": seconds}))


if __name__ == "__main__":
    main()
