"""Writes max_t.json, the p-values of scipy's permutation test that the unit tests of src/judgement/max_t.rs compare with.

    python make_max_t.py            writes max_t.json
    python make_max_t.py --check    compares it with the values computed now; exits with 1 if they differ

Requires numpy and scipy. The test of scipy permutes the cases; its statistic is the largest square of Student's t over the columns,
so that all columns are permuted alike. All arrangements are enumerated.
"""

import json
import math
import pathlib
import sys

import numpy as np
from scipy import stats

FILE = pathlib.Path(__file__).with_name("max_t.json")


def squares(reference, current):
    return stats.ttest_ind(reference, current, axis=0).statistic ** 2


def p_value(reference, current, columns):
    """P-value of the largest statistic of these columns."""
    values = np.concatenate([reference, current])[:, columns]
    largest = lambda a, b: np.max(squares(values[a], values[b]))
    positions = np.arange(len(values))
    result = stats.permutation_test(
        (positions[: len(reference)], positions[len(reference):]), largest, vectorized=False, n_resamples=np.inf,
        alternative="greater")
    return float(result.pvalue)


def step_down(reference, current):
    """Adjusted p-values of Westfall and Young: each statistic beside those that are not larger, made monotone."""
    order = np.argsort(-squares(reference, current))
    p_values, most = [0.0] * len(order), 0.0
    for rank, column in enumerate(order):
        most = max(most, p_value(reference, current, order[rank:]))
        p_values[column] = most
    return p_values


def cases(random):
    for at in range(12):
        sizes = random.integers(3, 7, 2)
        centres = random.normal(0, 1, (sum(sizes), 1))
        values = np.round(centres + random.normal(0, 1, (sum(sizes), 4)), 2)
        values[sizes[0]:, 0] += at % 4
        reference, current = values[: sizes[0]], values[sizes[0]:]
        yield {"reference": reference.round(2).tolist(), "current": current.round(2).tolist(),
               "p_values": step_down(reference.round(2), current.round(2))}


def main():
    golden = list(cases(np.random.default_rng(21)))
    if "--check" in sys.argv:
        stored = json.loads(FILE.read_text())
        same = len(stored) == len(golden) and all(
            a["reference"] == b["reference"] and all(map(math.isclose, a["p_values"], b["p_values"]))
            for a, b in zip(stored, golden))
        sys.exit(0 if same else "max_t.json differs from what scipy gives now")
    FILE.write_text("[\n" + ",\n".join(map(json.dumps, golden)) + "\n]\n")


if __name__ == "__main__":
    main()
