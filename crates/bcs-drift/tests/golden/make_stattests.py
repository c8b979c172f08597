"""Writes stattests.json, the results of Evidently's tests that tests/stattests.rs compares with.

    python make_stattests.py            writes stattests.json
    python make_stattests.py --check    compares it with the values computed now; exits with 1 if they differ

Requires evidently 0.7.23 with numpy 2.3.5, scipy 1.17.1 and pandas 2.3.3, with which the file is reproduced byte by byte. It does
not run with the newer numpy of the other golden files, so that tests/golden/generate.py leaves it out.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd
from evidently.legacy.calculations import stattests
from evidently.legacy.core import ColumnType

FILE = pathlib.Path(__file__).with_name("stattests.json")

TESTS = {
    "chisquare": (stattests.chi_stat_test, ColumnType.Categorical),
    "jensenshannon": (stattests.jensenshannon_stat_test, ColumnType.Numerical),
    "wasserstein": (stattests.wasserstein_stat_test, ColumnType.Numerical),
    "z": (stattests.z_stat_test, ColumnType.Categorical),
}


def pairs(random):
    """Pairs of samples: name of the test, reference, current."""
    for _ in range(40):
        sizes = random.integers(2, 60, 2)
        scale, shift = np.round(random.uniform(0, 3, 2), 2)
        samples = [random.normal(0, 1, sizes[0]), random.normal(shift, scale, sizes[1])]
        for digits in [1, 4]:
            for test in ["jensenshannon", "wasserstein"]:
                yield test, *[np.round(sample, digits).tolist() for sample in samples]
        shares = random.dirichlet(np.ones(4), 2)
        few = [random.choice(4, size, p=share) / 2 for size, share in zip(sizes, shares)]
        # Evidently expects no count of 0.
        few[0] = np.concatenate([few[0], np.arange(4) / 2])
        yield "chisquare", few[0].tolist(), few[1].tolist()
        yield "jensenshannon", few[0].tolist(), few[1].tolist()
        yield "z", *[(sample > 0.5).astype(float).tolist() for sample in few]
    yield "z", [1.0, 1.0], [1.0, 1.0, 1.0]
    yield "wasserstein", [0.5] * 4, [0.5, 0.6]


def result(test, reference, current):
    run, kind = TESTS[test]
    outcome = run(pd.Series(reference), pd.Series(current), kind, None)
    return {"test": test, "reference": reference, "current": current, "score": float(outcome.drift_score),
            "drifted": bool(outcome.drifted)}


def main():
    warnings.filterwarnings("ignore")
    cases = [result(*pair) for pair in pairs(np.random.default_rng(20))]
    text = "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n"
    if "--check" in sys.argv:
        sys.exit(0 if FILE.read_text() == text else "stattests.json differs from what Evidently gives now")
    FILE.write_text(text)


main()
