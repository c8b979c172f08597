"""Writes transforms.json, with which the unit tests of src/transforms compare: scipy's resampling and blur, torchvision's
colours.

    python make_golden.py            writes transforms.json
    python make_golden.py --check    compares it with the values computed now; exits with 1 if any differs by more than 1

Requires numpy, scipy, torch and torchvision.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import torch
from scipy import ndimage
from torchvision.transforms.v2 import functional

HEIGHT, WIDTH = 32, 40


def tile():
    """A tile with structures of several sizes, and its classes."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    random = np.random.default_rng(5)
    waves = [np.sin(x / 3 + y / 5), np.cos(x / 7 - y / 4), np.sin((x - 11) * (y - 9) / 40)]
    pixels = 128 + 90 * np.stack(waves, -1) + random.normal(0, 20, (HEIGHT, WIDTH, 3))
    classes = (waves[0] > 0.3).astype(int) + (waves[1] > 0.5)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), classes.astype(np.uint8)


def rounded(values):
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8).ravel().tolist()


def affine(name, pixels, classes, matrix, translation, displacement=None):
    """Resamples about the centre: position' = matrix (position - centre) + centre + translation + displacement."""
    centre = (np.array([HEIGHT, WIDTH]) - 1) / 2
    grid = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    positions = np.einsum("ij,jyx->iyx", np.array(matrix), grid - centre[:, None, None])
    positions += (centre + translation)[:, None, None]
    if displacement is not None:
        positions += displacement
    image = [ndimage.map_coordinates(pixels[..., c].astype(float), positions, order=1, mode="reflect") for c in range(3)]
    mask = ndimage.map_coordinates(classes, positions, order=0, mode="reflect")
    nearest = np.floor(positions + 0.5)
    inside = (nearest >= 0).all(0) & (nearest[0] < HEIGHT) & (nearest[1] < WIDTH)
    if displacement is not None:
        displacement = [np.round(plane, 4).ravel().tolist() for plane in displacement]
    return {
        "name": name, "matrix": matrix, "translation": translation, "displacement": displacement,
        "pixels": rounded(np.stack(image, -1)), "classes": mask.ravel().tolist(), "inside": inside.ravel().tolist(),
    }


def turned(degrees, scale):
    angle = np.deg2rad(degrees)
    return [[scale * float(np.cos(angle)), scale * float(np.sin(angle))],
            [-scale * float(np.sin(angle)), scale * float(np.cos(angle))]]


def colour(pixels, factors):
    image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    brightness, contrast, saturation, hue = factors
    image = functional.adjust_brightness(image, brightness)
    image = functional.adjust_contrast(image, contrast)
    image = functional.adjust_saturation(image, saturation)
    image = functional.adjust_hue(image, hue)
    return {"factors": factors, "pixels": rounded(image.permute(1, 2, 0).double().numpy() * 255)}


def compute():
    pixels, classes = tile()
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    waves = np.round(np.stack([2.3 * np.sin(x / 6 + 0.2), 3.1 * np.cos(y / 5 - x / 9)]), 4)
    identity = [[1.0, 0.0], [0.0, 1.0]]
    return {
        "width": WIDTH, "height": HEIGHT, "pixels": pixels.ravel().tolist(), "classes": classes.ravel().tolist(),
        "affine": [
            affine("rotation and scale", pixels, classes, turned(23.7, 0.87), [0.0, 0.0]),
            affine("shear and translation", pixels, classes, [[1.013, 0.211], [0.017, 0.973]], [-7.31, 11.83]),
            affine("half the size, far outside", pixels, classes, turned(-100.3, 2.31), [61.7, -93.2]),
            affine("displacement", pixels, classes, identity, [0.0, 0.0], waves),
            affine("all at once", pixels, classes, turned(-41.9, 1.19), [3.13, -2.71], waves),
        ],
        "blur": [
            {"sigma": sigma, "pixels": rounded(np.stack([
                ndimage.gaussian_filter(pixels[..., c].astype(float), sigma, mode="nearest", truncate=3.0)
                for c in range(3)], -1))}
            for sigma in [0.4, 1.3, 6.0]
        ],
        # Factors whose products with integers are not halfway between two integers.
        "colour": [colour(pixels, factors) for factors in [
            [1.2837, 1.0, 1.0, 0.0], [1.0, 0.6, 1.0, 0.0], [1.0, 1.0, 1.7, 0.0], [1.0, 1.0, 1.0, 0.13],
            [0.8137, 1.4, 0.5, -0.31],
        ]],
    }


def one_case_per_line(golden):
    def text(value):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in value) + "\n]"
        return json.dumps(value, separators=(",", ":"))
    return "{\n" + ",\n".join(f'"{key}": {text(value)}' for key, value in golden.items()) + "\n}\n"


def differs(stored, computed):
    """Whether numbers differ by more than rounding, or anything else at all."""
    if isinstance(stored, dict):
        return stored.keys() != computed.keys() or any(differs(stored[key], computed[key]) for key in stored)
    if isinstance(stored, list):
        return len(stored) != len(computed) or any(map(differs, stored, computed))
    if isinstance(stored, int) and not isinstance(stored, bool):
        return abs(stored - computed) > 1
    return stored != computed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with transforms.json instead of writing it")
    path = pathlib.Path(__file__).with_name("transforms.json")
    if not parser.parse_args().check:
        path.write_text(one_case_per_line(compute()))
    elif differs(json.loads(path.read_text()), json.loads(one_case_per_line(compute()))):
        sys.exit(f"{path.name} differs from what this machine computes")
    else:
        print(f"{path.name} agrees with what this machine computes")


if __name__ == "__main__":
    main()
