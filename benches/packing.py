"""Packing tiles in shards, beside copying their files.

Both take turns with half a gigabyte of tiles, which are in memory, and end when all is on the disk. Figures are medians over the rounds.
"""

import itertools
import os
import pathlib
import shutil
import statistics
import subprocess
import time

BYTES = 512_000_000
FOLDERS = ("train", "train_mask")


def pack(program: pathlib.Path, tiles: pathlib.Path, output: str, *options: str, environment: dict[str, str] | None = None) -> None:
    """Packs the training tiles of a folder."""
    images, masks = (tiles / name for name in FOLDERS)
    command = [program, "pack", "--images", images, "--masks", masks, "--output", output, *options]
    subprocess.run(command, env={**os.environ, **(environment or {})}, check=True, capture_output=True)


def copy(tiles: pathlib.Path, output: pathlib.Path) -> None:
    """Copies the training tiles of a folder, and waits until they are on the disk."""
    output.mkdir()
    subprocess.run(["cp", "-r", *(tiles / name for name in FOLDERS), output], check=True)
    subprocess.run(["sync", "--file-system", output], check=True)


def repeat(tiles: pathlib.Path, folder: pathlib.Path, least: int) -> int:
    """Copies the training tiles until they have `least` bytes, each time under other names. Returns their size."""
    size = 0
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    for turn in itertools.count():
        for image in sorted((tiles / FOLDERS[0]).glob("*.png")):
            for name in FOLDERS:
                copied = folder / name / f"{turn:04}-{image.name}"
                shutil.copyfile(tiles / name / image.name, copied)
                size += copied.stat().st_size
            if size >= least:
                return size


def measure(program: pathlib.Path, data: pathlib.Path, work: pathlib.Path, rounds: int) -> None:
    """Prints the speed of both, and their ratio."""
    tiles = work / "tiles"
    size = repeat(data, tiles, BYTES)
    turns = {
        "bcs-trainer pack": lambda output: pack(program, tiles, str(output)),
        "cp and sync": lambda output: copy(tiles, output),
    }
    speeds = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            os.sync()
            start = time.monotonic()
            turn(work / "output")
            speeds[name].append(size / (time.monotonic() - start) / 1e6)
            shutil.rmtree(work / "output")
    shutil.rmtree(tiles)
    print(f"\n{f'{size / 1e6:.0f} MB of tiles':44}{'MB/s':>10}{'of the rounds':>16}")
    for name, values in speeds.items():
        print(f"{name:44}{statistics.median(values):>10.0f}{f'{min(values):.0f}-{max(values):.0f}':>16}")
    ratio = statistics.median(a / b for a, b in zip(*speeds.values()))
    print(f"{'pack / cp and sync, median of the rounds':44}{ratio:>10.2f}\n", flush=True)
