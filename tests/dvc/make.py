"""Makes the golden repositories of crates/bcs-dvc with the real DVC of both layouts.

usage: make.py DVC3 DVC2 GOLDEN      (two dvc programs, and the folder to write)
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tree import OUTS, small

CONFIG = ["config", "core.analytics", "false"]


def make(dvc: str, golden: Path) -> None:
    """Makes `repo` (without data), its `remote`, and the `expected` data."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "repo"
        small(work)

        def run(*arguments: str) -> None:
            subprocess.run([dvc, *arguments], cwd=work, check=True, stdout=subprocess.DEVNULL)

        run("init", "--no-scm", "--quiet")
        run(*CONFIG)
        run("remote", "add", "--default", "store", "../remote")
        run("add", "--quiet", *OUTS)
        run("push", "--quiet")
        shutil.rmtree(golden, ignore_errors=True)
        expected = golden / "expected"
        for out in OUTS:
            (expected / out).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(work / out, expected / out)
        for unneeded in [".dvc/cache", ".dvc/tmp", ".dvc/config.local", ".dvc/.gitignore"]:
            path = work / unneeded
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.copytree(work, golden / "repo")
        shutil.copytree(Path(folder) / "remote", golden / "remote")
    for path in golden.rglob("*"):
        if path.is_file():
            path.chmod(0o755 if path.name == "run.sh" else 0o644)


def main() -> None:
    dvc3, dvc2, golden = sys.argv[1:]
    make(dvc3, Path(golden) / "dvc3")
    make(dvc2, Path(golden) / "dvc2")


main()
