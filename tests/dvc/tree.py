"""Trees of files that the tests of DVC use, and their comparison."""

import os
import random
import stat
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def small(root: Path) -> None:
    """Writes a few files of all kinds that DVC treats differently."""
    write(root / "data/train/a.png", bytes(range(256)))
    write(root / "data/train/copy of a.png", bytes(range(256)))
    write(root / "data/train/sub/deep/b.txt", b"unix\nlines\n")
    write(root / "data/train/sub/dos.txt", b"dos\r\nlines\r\n")
    write(root / "data/train/sub/dos.bin", b"\x00dos\r\nlines\r\n")
    write(root / "data/train/\u00fcmlaut \u20ac.txt", "\u00fc\r\n\u20ac".encode())
    write(root / "data/train/empty", b"")
    write(root / "labels.csv", b"name,class\r\na.png,1\r\n")
    write(root / "tools/run.sh", b"#!/bin/sh\necho run\n")
    (root / "tools/run.sh").chmod(0o755)


OUTS = ["data/train", "labels.csv", "tools/run.sh"]


def drawn(root: Path, seed: int, files: int = 40, large: int = 0) -> None:
    """Writes files of random names, sizes and contents below data/drawn; `large` is the size of one more."""
    draw = random.Random(seed)
    for _ in range(files):
        depth = draw.randrange(3)
        parts = [f"f{draw.randrange(3)}" for _ in range(depth)] + [f"n{draw.randrange(200)}.bin"]
        size = draw.choice([0, 1, 511, 512, 513, draw.randrange(5000), draw.randrange(200_000)])
        write(root.joinpath("data/drawn", *parts), draw.randbytes(size))
    if large:
        write(root / "data/drawn/large.bin", draw.randbytes(large))


def snapshot(root: Path, parts: list[str]) -> dict[str, tuple[str, bytes]]:
    """Returns mode and content of every file below some paths, and the folders, by their relative paths."""
    found: dict[str, tuple[str, bytes]] = {}
    for part in parts:
        top = root / part
        paths = [top] if not top.is_dir() else [top, *top.rglob("*")]
        for path in paths:
            name = os.fspath(path.relative_to(root))
            if path.is_dir():
                found[name] = ("folder", b"")
            elif path.exists():
                found[name] = (oct(stat.S_IMODE(path.stat().st_mode)), path.read_bytes())
    return found


def differences(ours: dict[str, tuple[str, bytes]], theirs: dict[str, tuple[str, bytes]]) -> list[str]:
    """Returns lines about the differences of two snapshots."""
    lines = [f"only ours: {name}" for name in sorted(ours.keys() - theirs.keys())]
    lines += [f"only DVC's: {name}" for name in sorted(theirs.keys() - ours.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name] != theirs[name]:
            (mode, content), (their_mode, their_content) = ours[name], theirs[name]
            same = "same content" if content == their_content else "other content"
            lines.append(f"{name}: mode {mode}, DVC's {their_mode}, {same}")
    return lines
