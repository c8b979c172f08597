"""Writes stattests.json, the results of Evidently's and scipy's tests that tests/stattests.rs compares with.

    python make_stattests.py            writes stattests.json
    python make_stattests.py --check    compares it with the values computed now; exits with 1 if they differ

Requires evidently 0.7.23 with numpy 2.3.5, scipy 1.17.1, pandas 2.3.3 and scikit-learn 1.9.1, with which the file is reproduced byte
by byte. It does not run with the newer numpy of the other golden files, so that tests/golden/generate.py leaves it out.

Where Evidently has no answer or another question, scipy's is taken: Cramér-von Mises (Evidently's exact p-value overflows),
Mann-Whitney (Evidently's is one-sided), G-test and Fisher's test (Evidently takes samples of equal size only); p-values by
permutation come from all arrangements.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import pandas as pd
from evidently.legacy.calculations import stattests
from evidently.legacy.calculations.stattests import mmd_stattest, tvd_stattest
from evidently.legacy.core import ColumnType
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FILE = pathlib.Path(__file__).with_name("stattests.json")

NUMERICAL, CATEGORICAL = ColumnType.Numerical, ColumnType.Categorical

# Evidently's score, and scipy's statistic where the score is a p-value.
OF_NUMBERS = {
    "anderson": (stattests.anderson_darling_test, lambda a, b: stats.anderson_ksamp([a, b]).statistic),
    "ed": (stattests.energy_dist_test, None),
    "es": (stattests.epps_singleton_test, lambda a, b: stats.epps_singleton_2samp(a, b).statistic),
    "hellinger": (stattests.hellinger_stat_test, None),
    "jensenshannon": (stattests.jensenshannon_stat_test, None),
    "kl_div": (stattests.kl_div_stat_test, None),
    "ks": (stattests.ks_stat_test, lambda a, b: stats.ks_2samp(a, b).statistic),
    "psi": (stattests.psi_stat_test, None),
    "t_test": (stattests.t_test, lambda a, b: abs(stats.ttest_ind(a, b).statistic)),
    "wasserstein": (stattests.wasserstein_stat_test, None),
}
OF_CATEGORIES = {"chisquare": stattests.chi_stat_test, "z": stattests.z_stat_test}


def of_evidently(test, kind, reference, current):
    outcome = test(pd.Series(reference), pd.Series(current), kind, None)
    return {"score": float(outcome.drift_score), "drifted": bool(outcome.drifted)}


def of_numbers(reference, current):
    results = {}
    for name, (test, statistic) in OF_NUMBERS.items():
        if name == "es" and min(len(reference), len(current)) < 5:
            continue
        results[name] = of_evidently(test, NUMERICAL, reference, current)
        if statistic:
            results[name]["statistic"] = float(statistic(reference, current))
    cramer = stats.cramervonmises_2samp(reference, current)
    results["cramer_von_mises"] = {"statistic": float(cramer.statistic), "score": float(cramer.pvalue)}
    u = stats.mannwhitneyu(reference, current)
    larger = max(u.statistic, len(reference) * len(current) - u.statistic)
    results["mannw"] = {"statistic": float(larger), "score": float(u.pvalue)}
    columns = [np.asarray(sample).reshape(-1, 1) for sample in [reference, current]]
    results["empirical_mmd"] = {"statistic": float(mmd_stattest.mmd_pval(*columns)[1])}
    return results


def of_categories(reference, current):
    results = {name: of_evidently(test, CATEGORICAL, reference, current) for name, test in OF_CATEGORIES.items()}
    values = sorted({*reference, *current})
    counts = np.array([[np.sum(np.equal(sample, value)) for value in values] for sample in [reference, current]])
    expected = counts[0] * (len(current) / len(reference))
    g = stats.power_divergence(counts[1], expected, lambda_="log-likelihood")
    if np.isfinite(g.statistic):
        results["g_test"] = {"statistic": float(g.statistic), "score": float(g.pvalue)}
    if len(values) == 2:
        results["fisher_exact"] = {"score": float(stats.fisher_exact(counts).pvalue)}
    distance = tvd_stattest._total_variation_distance(pd.Series(reference), pd.Series(current))
    results["TVD"] = {"statistic": float(distance)}
    return results


def numbers(random):
    for at in range(250):
        sizes = random.integers(2, 9, 2) if at % 5 == 0 else random.integers(5, 35, 2)
        scale, shift = random.uniform(0.3, 2), random.uniform(0, 1.5) * random.integers(0, 2)
        samples = [random.normal(0, 1, sizes[0]), random.normal(shift, scale, sizes[1])]
        yield [np.round(sample, 1 + at % 3).tolist() for sample in samples]


def categories(random):
    for at in range(400):
        count = 2 if at % 2 else 3 + at // 2 % 3
        shares = random.dirichlet(np.ones(count), 1 + at // 4 % 2)
        samples = [random.choice(count, size, p=share) / 2 for size, share in zip(random.integers(5, 35, 2), [*shares, *shares])]
        # Evidently expects no count of 0.
        samples[0][:count] = np.arange(count) / 2
        yield [sample.tolist() for sample in samples]


def exact(sample, statistic, reference, current):
    """P-value from all arrangements; the statistic takes positions among the values."""
    values = np.concatenate([reference, current])
    positions = np.arange(len(values))
    by_position = lambda a, b: statistic(values[a.astype(int)], values[b.astype(int)])
    result = stats.permutation_test(
        (positions[: len(reference)], positions[len(reference):]), by_position, vectorized=False, n_resamples=np.inf,
        alternative="greater")
    return {"test": sample, "reference": reference, "current": current, "p_value": float(result.pvalue)}


def permutations(random):
    """A statistic that does not see the sides, as the kernel's width, is fixed by the observed reference."""
    for at in range(10):
        sizes = random.integers(3, 7, 2)
        reference, current = [random.choice(3, size).astype(float).tolist() for size in sizes]
        shares = lambda sample: np.array([np.mean(sample == value) for value in range(3)])
        yield exact("TVD", lambda a, b: 0.5 * np.sum(np.abs(shares(a) - shares(b))), reference, current)
        reference = np.round(random.normal(0, 1, sizes[0]), 2).tolist()
        current = np.round(random.normal(at % 3, 1, sizes[1]), 2).tolist()
        _, width = mmd_stattest.rbf(*[np.array(reference).reshape(-1, 1)] * 2, None)

        def mmd(a, b):
            within = lambda x: np.sum(np.exp(-np.subtract.outer(x, x) ** 2 / (2 * width**2))) - len(x)
            across = np.mean(np.exp(-np.subtract.outer(a, b) ** 2 / (2 * width**2)))
            return within(a) / (len(a) * (len(a) - 1)) + within(b) / (len(b) * (len(b) - 1)) - 2 * across

        yield exact("empirical_mmd", mmd, reference, current)


def classifiers(random):
    """Tables of 8 to 12 cases with 2 rows each, in which case k is in fold k mod 5."""
    for at in range(8):
        cases = random.integers(8, 13, 2)
        rows = []
        for side, count in enumerate(cases):
            centres = np.repeat(random.normal(side * (at % 3) / 2, 1, (count, 3)), 2, axis=0)
            rows.append(np.round(centres + random.normal(0, 0.3, centres.shape), 2))
        folds = np.concatenate([np.repeat(np.arange(count) % 5, 2) for count in cases])
        labels = np.repeat([0, 1], cases * 2)
        model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-12, max_iter=10_000))
        scores = cross_val_predict(
            model, np.concatenate(rows), labels, cv=PredefinedSplit(folds), method="decision_function")
        yield {"reference": rows[0].tolist(), "current": rows[1].tolist(), "auc": float(roc_auc_score(labels, scores))}


def main():
    warnings.filterwarnings("ignore")
    random = np.random.default_rng(20)
    drawn = lambda pairs, results: [
        {"reference": reference, "current": current, "results": results(np.array(reference), np.array(current))}
        for reference, current in pairs]
    golden = {
        "numbers": drawn(numbers(random), of_numbers),
        "categories": drawn(categories(random), of_categories),
        "permutations": list(permutations(random)),
        "classifiers": list(classifiers(random)),
    }
    parts = [f"{json.dumps(key)}: [\n" + ",\n".join(map(json.dumps, cases)) + "\n]" for key, cases in golden.items()]
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    if "--check" in sys.argv:
        sys.exit(0 if FILE.read_text() == text else "stattests.json differs from what Evidently and scipy give now")
    FILE.write_text(text)


if __name__ == "__main__":
    main()
