"""Makes statistics.json: tests and intervals of scipy, and scores of scikit-learn.

    python make_statistics.py            # writes the file
    python make_statistics.py --check    # compares the file with what this machine computes
"""
import json
import pathlib
import sys

import numpy as np
from scipy import stats
from sklearn import metrics

FILE = pathlib.Path(__file__).with_name("statistics.json")


def differences(random, count, ties=False):
    values = random.normal(0.2, 1.0, count)
    return np.round(values, 1 if ties else 12)


def wilcoxon(values, method):
    """As bcs: zeros are dropped, no correction for continuity."""
    values = values[values != 0]
    found = stats.wilcoxon(values, zero_method="wilcox", correction=False, method=method)
    return {"differences": values.tolist(), "statistic": float(found.statistic), "p_value": float(found.pvalue)}


def wilcoxon_cases(random):
    every_sign = stats.PermutationMethod(n_resamples=np.inf)
    cases = [wilcoxon(differences(random, count), "exact") for count in (1, 2, 5, 12, 30, 50)]
    cases += [wilcoxon(differences(random, count, ties=True), every_sign) for count in (4, 9, 12)]
    cases += [wilcoxon(differences(random, count), "asymptotic") for count in (51, 200)]
    cases += [wilcoxon(differences(random, count, ties=True), "asymptotic") for count in (80, 300)]
    cases.append(wilcoxon(random.normal(2.0, 1.0, 120), "asymptotic"))
    return cases


def sign_flip(values):
    found = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=99_999, rng=0)
    return {"differences": values.tolist(), "p_value": float(found.pvalue)}


def bootstrap(values, confidence):
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=100_000, confidence_level=confidence, method="percentile", rng=0
    )
    interval = [float(found.confidence_interval.low), float(found.confidence_interval.high)]
    return {"values": values.tolist(), "confidence": confidence, "interval": interval}


def scores(random, classes):
    """An image with ignored pixels (255), whose last class is only predicted."""
    truth = random.integers(0, classes - 1, 400)
    prediction = np.where(random.random(400) < 0.6, truth, random.integers(0, classes, 400))
    truth[:40] = 255
    counted = truth != 255
    labels = list(range(classes))
    precision, recall, dice, _ = metrics.precision_recall_fscore_support(
        truth[counted], prediction[counted], labels=labels, zero_division=np.nan
    )
    iou = metrics.jaccard_score(truth[counted], prediction[counted], labels=labels, average=None)
    present = [bool((truth == label).any()) for label in labels]

    def defined(values):
        return [float(value) if there else None for value, there in zip(values, present)]

    return {
        "truth": truth.tolist(),
        "prediction": prediction.tolist(),
        "classes": classes,
        "confusion": metrics.confusion_matrix(truth[counted], prediction[counted], labels=labels).tolist(),
        "dice": defined(dice),
        "iou": defined(iou),
        "recall": defined(recall),
        "precision": [float(value) for value in precision],
    }


def golden():
    random = np.random.default_rng(20)
    return {
        "wilcoxon": wilcoxon_cases(random),
        "sign_flip": [sign_flip(random.normal(0.5, 1.0, count)) for count in (2, 3, 6, 14, 40)],
        "bootstrap": [
            bootstrap(random.normal(0.7, 0.1, 12), 0.95),
            bootstrap(random.exponential(1.0, 25), 0.9),
        ],
        "scores": [scores(random, classes) for classes in (3, 5)],
    }


def close(found, expected):
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    if isinstance(expected, float):
        return np.isclose(found, expected, rtol=1e-9, atol=0)
    return found == expected


def main():
    found = golden()
    if "--check" in sys.argv[1:]:
        if not close(found, json.loads(FILE.read_text())):
            sys.exit(f"{FILE.name} differs")
        print(f"{FILE.name} agrees")
    else:
        FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
