"""Writes reference.csv, current.csv and expected.json: two tables, and the results of scipy for their columns; and current.parquet,
the same as current.csv.

Requires scipy 1.17.1, whose version is written into expected.json, numpy, and pyarrow 26.0.1.

    python make_compare.py            writes the files
    python make_compare.py --check    exits with 1 if the files differ from those it would write

The tables have fewer than 30 rows, ties within and between tables, missing cells, and columns with and without drift.
"""

import csv
import json
import pathlib
import sys
import tempfile

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import scipy
from scipy import stats

HERE = pathlib.Path(__file__).parent
ROWS = {"reference": 29, "current": 23}


def columns(side, rng):
    shift = 0.0 if side == "reference" else 1.0
    n = ROWS[side]
    return {
        "grey_mean": np.round(rng.normal(0.6 - 0.08 * shift, 0.05, n), 6),
        "entropy": np.round(rng.normal(6.5, 0.4, n), 6),
        "ties": np.round(rng.normal(3.0 + shift, 1.5, n)),
        "confidence": np.round(rng.beta(20.0 - 12.0 * shift, 2.0, n), 9),
        "constant": np.full(n, 0.25),
    }


def write(folder, side, table):
    names = list(table)
    with (folder / f"{side}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", *names])
        for row in range(ROWS[side]):
            writer.writerow([f"{side}_{row}.png", *("" if np.isnan(table[n][row]) else repr(float(table[n][row])) for n in names)])


def write_all(folder):
    rng = np.random.default_rng(20261123)
    tables = {side: columns(side, rng) for side in ROWS}
    tables["current"]["entropy"][[3, 17]] = np.nan
    for side, table in tables.items():
        write(folder, side, table)
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(folder / "current.csv"), folder / "current.parquet")
    features = {}
    for name in tables["reference"]:
        a, b = (table[name][~np.isnan(table[name])] for table in tables.values())
        result = stats.ks_2samp(a, b)
        features[name] = {"statistic": float(result.statistic), "p_value": float(result.pvalue)}
    golden = {"scipy": scipy.__version__, "features": features}
    (folder / "expected.json").write_text(json.dumps(golden, indent=2) + "\n")


def check():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_all(folder)
        different = [path.name for path in sorted(folder.iterdir()) if path.read_bytes() != (HERE / path.name).read_bytes()]
    if different:
        sys.exit(f"differ: {', '.join(different)}")
    print("all files are identical")


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else write_all(HERE)
