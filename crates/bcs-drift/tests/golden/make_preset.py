"""Writes preset.json, the verdicts of Evidently's DataDriftPreset that tests/preset.rs compares with.

    python make_preset.py            writes preset.json
    python make_preset.py --check    compares it with the verdicts now; exits with 1 if they differ

Requires what make_stattests.py requires. The values are generated here and in tests/preset.rs by the formula of make_ks.py:
x' = (1103515245 x + 12345) mod 2^31, starting at x = seed; the value is floor(levels x'/2^31) / levels (x'/2^31 if levels is 0),
times scale, plus offset. If scale equals levels, the values are whole numbers, and the column one of integers.
"""

import json
import pathlib
import sys
import warnings

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
from make_ks import generate

FILE = pathlib.Path(__file__).with_name("preset.json")

# Levels and scale of the columns: continuous, few numbers that are not whole, whole numbers.
COLUMNS = [(0, 1.0), *[(levels, 0.8) for levels in [1, 2, 3, 5, 6, 10, 30]],
           *[(levels, float(levels)) for levels in [1, 2, 3, 5, 6, 10, 11, 20, 30]]]
# Sizes of reference and current data.
SIZES = [(60, 40), (300, 500), (1000, 400), (1001, 400), (1500, 2000)]
# Factor of the scale, or levels that are missing, in the current data.
CHANGES = [1.0, 1.3, 0.85]


def column(n, seed, levels, scale, offset=0.0):
    return {"n": n, "seed": seed, "scale": scale, "offset": offset, "levels": levels}


def cases():
    seed = 1
    for reference, current in SIZES:
        for levels, scale in COLUMNS:
            for change in CHANGES:
                seed += 2
                whole = levels == scale
                other = max(1, round(levels * change)) if whole else levels
                factor = float(other) if whole else scale * change
                yield column(reference, seed, levels, scale), column(current, seed * 31, other, factor)


def verdict(reference, current):
    data = []
    for side in [reference, current]:
        values = pd.Series(generate(**side))
        data.append(pd.DataFrame({"x": values.round().astype(int) if side["levels"] == side["scale"] else values}))
    metrics = Report([DataDriftPreset()]).run(data[1], data[0]).dict()["metrics"]
    count, drift = metrics
    return {"reference": reference, "current": current, "method": drift["config"]["method"],
            "score": float(drift["value"]), "drifted": count["value"]["count"] == 1}


def main():
    warnings.filterwarnings("ignore")
    text = "[\n" + ",\n".join(json.dumps(verdict(*case)) for case in cases()) + "\n]\n"
    if "--check" in sys.argv:
        sys.exit(0 if FILE.read_text() == text else "preset.json differs from what Evidently says now")
    FILE.write_text(text)


if __name__ == "__main__":
    main()
