"""Writes macenko.json, with which tests/macenko.rs compares: tissue-like images, and what torchstain makes of them.

    python make_macenko.py            writes macenko.json
    python make_macenko.py --check    compares it with the values computed now; exits with 1 if any differs by more than 1

Requires numpy and torchstain.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
from torchstain.numpy.normalizers.macenko import NumpyMacenkoNormalizer

HEIGHT, WIDTH = 32, 40

# Stain vectors of laboratories: haematoxylin and eosin.
STAINS = {
    "Ruifrok and Johnston": [[0.650, 0.704, 0.286], [0.072, 0.990, 0.118]],
    "bluish": [[0.78, 0.57, 0.26], [0.21, 0.92, 0.33]],
    "pale": [[0.52, 0.75, 0.41], [0.15, 0.80, 0.58]],
}


def tissue(stains, seed, strength):
    """Nuclei, stroma and glass with noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    nuclei = np.clip(np.sin(x / 2.1) * np.cos(y / 2.7 + x / 9), 0, 1)
    stroma = np.clip(0.5 + 0.5 * np.sin(x / 11 + y / 5), 0, 1)
    amounts = strength * np.stack([nuclei + 0.05, 0.8 * stroma + 0.02], -1)
    amounts *= random.lognormal(0, 0.2, amounts.shape)
    amounts[:, :6] = 0.01
    density = amounts @ np.array(stains) + random.normal(0, 0.01, (HEIGHT, WIDTH, 3))
    return np.clip(np.rint(240 * np.exp(-density)), 0, 255).astype(np.uint8)


def fitted(image):
    normalizer = NumpyMacenkoNormalizer()
    normalizer.fit(image)
    return normalizer


def compute():
    images = {name: tissue(stains, seed, strength) for seed, ((name, stains), strength) in
              enumerate(zip(STAINS.items(), [1.5, 1.1, 0.7]))}
    target = fitted(images["bluish"])
    cases = []
    for name, image in images.items():
        fit = fitted(image)
        cases.append({
            "name": name, "pixels": image.ravel().tolist(),
            "vectors": fit.HERef.T.tolist(), "amounts": fit.maxCRef.tolist(),
            "to_reference": NumpyMacenkoNormalizer().normalize(image, stains=False)[0].ravel().tolist(),
            "to_bluish": target.normalize(image, stains=False)[0].ravel().tolist(),
        })
    reference = NumpyMacenkoNormalizer()
    return {"reference": {"vectors": reference.HERef.T.tolist(), "amounts": reference.maxCRef.tolist()}, "cases": cases}


def differs(stored, computed):
    """Whether numbers differ by more than rounding, or anything else at all."""
    if isinstance(stored, dict):
        return stored.keys() != computed.keys() or any(differs(stored[key], computed[key]) for key in stored)
    if isinstance(stored, list):
        return len(stored) != len(computed) or any(map(differs, stored, computed))
    if isinstance(stored, int):
        return abs(stored - computed) > 1
    if isinstance(stored, float):
        return abs(stored - computed) > 1e-9
    return stored != computed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with macenko.json instead of writing it")
    path = pathlib.Path(__file__).with_name("macenko.json")
    computed = compute()
    if not parser.parse_args().check:
        cases = ",\n".join(json.dumps(case, separators=(",", ":")) for case in computed["cases"])
        path.write_text(f'{{"reference": {json.dumps(computed["reference"])},\n"cases": [\n{cases}\n]}}\n')
    elif differs(json.loads(path.read_text()), computed):
        sys.exit(f"{path.name} differs from what this machine computes")
    else:
        print(f"{path.name} agrees with what this machine computes")


if __name__ == "__main__":
    main()
