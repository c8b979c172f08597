"""Makes the golden files of all crates with the real peers: MONAI, PyTorch, torchvision, torchstain, Hydra, scipy, scikit-learn,
hypertune.

    pip install -r requirements.txt
    python generate.py            # writes the files, beside the tests that read them
    python generate.py --check    # compares the files with what this machine computes

`scripts/golden` installs the environment and runs this. Each crate has generators of its own, which this script runs; the
golden files of a repository may take up 10 MB in all.
"""
import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

GENERATORS = [
    "crates/bcs-config/tests/golden/make_golden.py",
    "crates/bcs-data/tests/golden/make_golden.py",
    "crates/bcs-drift/tests/golden/make_ks.py",
    "crates/bcs-drift/tests/golden/make_max_t.py",
    "crates/bcs-imaging/tests/golden/make_macenko.py",
    "crates/bcs-inference/tests/golden/make_golden.py",
    "crates/bcs-model/tests/golden/make_golden.py",
    "crates/bcs-model/tests/golden/make_pickles.py",
    "services/drift-monitor/tests/monitor/golden/make_compare.py",
    "services/trainer/tests/golden/make_statistics.py",
    "services/trainer/tests/golden/make_hypertune.py",
]

LARGEST = 10_000_000


def size():
    """The size of the golden files that are not text written by hand."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    golden = [ROOT / name for name in files if "/golden/" in name and not name.endswith(".py")]
    return sum(path.stat().st_size for path in golden if path.exists())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the files with what this machine computes")
    arguments = ["--check"] if parser.parse_args().check else []
    failed = []
    for generator in GENERATORS:
        print(f"\n── {generator}", flush=True)
        if subprocess.run([sys.executable, ROOT / generator, *arguments]).returncode != 0:
            failed.append(generator)
    total = size()
    print(f"\n{total / 1e6:.1f} MB of golden files")
    if total > LARGEST:
        failed.append(f"the golden files are larger than {LARGEST / 1e6:.0f} MB")
    if failed:
        sys.exit("failed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
