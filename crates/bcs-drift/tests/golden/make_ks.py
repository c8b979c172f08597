"""Writes ks.json, the results of scipy's Kolmogorov-Smirnov test that tests/ks.rs compares with.

    python make_ks.py            writes ks.json
    python make_ks.py --check    compares ks.json with the values computed now; exits with 1 if they differ

Requires numpy and scipy; ks.json states the versions it was written with. With these versions the file is reproduced
byte by byte; with others, --check reports the largest difference and accepts relative differences of up to 1e-9.

Large samples are not stored but generated here and in tests/ks.rs by the same formula:
x' = (1103515245 x + 12345) mod 2^31, starting at x = seed; the value is floor(levels x'/2^31) / levels (x'/2^31 if
levels is 0), times scale, plus offset.
"""

import argparse
import json
import math
import pathlib
import sys
import warnings

import numpy as np
import scipy
from scipy import stats

# Relative difference that --check accepts between versions of scipy.
TOLERANCE = 1e-9

EXPLICIT = [
    ("identical", [0.1, 0.5, 0.5, 0.9], [0.1, 0.5, 0.5, 0.9]),
    ("identical, one value each", [1.0], [1.0]),
    ("one value each", [1.0], [2.0]),
    ("one against three, outside", [0.5], [1.0, 2.0, 3.0]),
    ("one against four, amid", [2.5], [1.0, 2.0, 3.0, 4.0]),
    ("one against nine", [5.5], [float(i) for i in range(1, 10)]),
    ("disjoint, equal sizes", [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]),
    ("disjoint, unequal sizes", [1.0, 2.0, 3.0], [5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]),
    ("all tied", [2.0] * 7, [2.0] * 5),
    ("ties across", [1.0, 1.0, 2.0, 2.0, 3.0, 3.0], [1.0, 2.0, 2.0, 2.0, 3.0, 4.0, 4.0]),
    ("constant against spread", [0.0] * 12, [-2.0, -1.0, 0.0, 1.0, 2.0]),
    ("negative zero", [-0.0, 0.0, 1.0], [0.0, 0.0, -1.0]),
    ("interleaved, where rounding takes scipy from exact to asymptotic", [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0],
     [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]),
    ("huge and tiny", [1e300, -1e300, 1e-300, 3.0], [1e-300, 2e-300, -1e300]),
]

SIZES = [(2, 1), (3, 2), (5, 5), (8, 13), (12, 29), (29, 29), (25, 100), (1, 500), (2, 5000), (7, 10000), (100, 100),
         (140, 99), (200, 300), (333, 1000), (500, 1000), (1000, 1000), (1000, 999), (2500, 4000), (9999, 10000),
         (10000, 10000), (10001, 1), (10001, 10), (10001, 50), (10001, 300), (10001, 10001), (12000, 700),
         (30000, 20000)]
# Scale, offset and levels of the second sample; the first has scale 1, offset 0 and the same levels.
CHANGES = [(1.0, 0.0, 0), (1.0, 0.03, 0), (1.1, 0.1, 0), (0.5, 0.25, 0), (1.0, 0.45, 0), (0.97, 0.0, 25)]

GRID_N = [1, 2, 3, 5, 10, 20, 50, 100, 139, 140, 141, 200, 500, 1000, 2000, 5000, 10000, 50000, 100000, 100001, 500000]
GRID_Z = [0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.87, 0.9, 1.0, 1.1, 1.2, 1.36, 1.48, 1.49, 1.63,
          1.9, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0, 12.0, 15.0, 18.0]
GRID_D = [0.3, 0.49, 0.5, 0.51, 0.7, 0.9, 0.99]


def generate(n, seed, scale, offset, levels):
    values, x = [], seed
    for _ in range(n):
        x = (1103515245 * x + 12345) % 2**31
        value = x / 2**31
        if levels:
            value = math.floor(value * levels) / levels
        values.append(value * scale + offset)
    return values


def two_sample(a, b):
    result = stats.ks_2samp(a, b)
    return {"statistic": float(result.statistic), "p_value": float(result.pvalue)}


def stored_cases():
    for name, a, b in EXPLICIT:
        yield {"name": name, "a": a, "b": b, **two_sample(a, b)}


def generated_cases():
    for index, (n_a, n_b) in enumerate(SIZES):
        for number, (scale, offset, levels) in enumerate(CHANGES):
            a = {"n": n_a, "seed": 17 + index, "scale": 1.0, "offset": 0.0, "levels": levels}
            b = {"n": n_b, "seed": 4711 + 31 * index + number, "scale": scale, "offset": offset, "levels": levels}
            yield {"a": a, "b": b, **two_sample(generate(**a), generate(**b))}


def grid():
    for n in GRID_N:
        distances = sorted({z / math.sqrt(n) for z in GRID_Z if z < math.sqrt(n)} | set(GRID_D) | {0.7 / n, 1.0 / n})
        for d in distances:
            yield {"n": n, "d": d, "survival": float(stats.kstwo.sf(d, n))}


def one_case_per_line(golden):
    members = []
    for key, value in golden.items():
        text = json.dumps(value)
        if isinstance(value, list):
            text = "[\n" + ",\n".join(json.dumps(case) for case in value) + "\n]"
        members.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(members) + "\n}"


def compute():
    warnings.simplefilter("ignore")  # scipy warns where it falls back to the asymptotic value
    return {
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "stored": list(stored_cases()),
        "generated": list(generated_cases()),
        "kstwo": list(grid()),
    }


def largest_difference(stored, computed):
    """Largest relative difference between numbers at the same place; infinite if anything else differs."""
    if isinstance(stored, float) and isinstance(computed, float):
        scale = max(abs(stored), abs(computed))
        return abs(stored - computed) / scale if scale > 1e-300 else 0.0
    if isinstance(stored, dict) and isinstance(computed, dict) and stored.keys() == computed.keys():
        pairs = [(stored[key], computed[key]) for key in stored]
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        pairs = list(zip(stored, computed))
    else:
        return 0.0 if stored == computed else math.inf
    return max((largest_difference(*pair) for pair in pairs), default=0.0)


def check(path, golden):
    """Compares the file with computed values and returns whether they agree."""
    if path.read_text() == one_case_per_line(golden) + "\n":
        print(f"{path.name} is reproduced byte by byte")
        return True
    stored = json.loads(path.read_text())
    for package in ["scipy", "numpy"]:
        if stored.pop(package) != (installed := golden.pop(package)):
            print(f"{path.name} was written with another version of {package}; installed is {installed}")
    difference = largest_difference(stored, golden)
    print(f"{path.name}: the largest relative difference is {difference:.3g}, {TOLERANCE:g} is allowed")
    return difference <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with ks.json instead of writing it")
    arguments = parser.parse_args()
    path = pathlib.Path(__file__).with_name("ks.json")
    if arguments.check:
        sys.exit(0 if check(path, compute()) else 1)
    path.write_text(one_case_per_line(compute()) + "\n")


if __name__ == "__main__":
    main()
