"""Training in several processes and from shards, beside one process and files: ratios of images per second; and packing (packing.py).

  distributed.py --program PATH --data DIR --label-map NAME --emulator PATH [--rounds 3] [--steps 30]

Configurations take turns, in each second round in the reverse order. Images per second are those of the steps of a run but the first
ten. Tiles are repeated until all steps are within one epoch, and have more bytes than shards that are read ahead, so that in each of
these steps as much is read as is trained on. Figures are medians over the rounds, ratios those of the rounds.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import urllib.request

import packing
import servers
import train

UNUSED_STEPS = 10
SHARD_MB, MEMORY_MB = 4, 64
FIXED = ("train_hyp.distributed.batch_size=global", "train_hyp.tensorboard=false")


class Bench:
    """Runs of the program in a folder of its own each."""

    def __init__(self, arguments: argparse.Namespace, work: pathlib.Path):
        self.arguments, self.work = arguments, work
        arguments.data = arguments.data.resolve()

    def train(self, name: str, processes: int, threads: int, overrides: list[str], environment: dict[str, str]) -> list:
        """Trains, and returns the events of the trace of the first process."""
        folder = self.work / name
        folder.mkdir()
        launch = ["launch", "--nproc", str(processes), "--"] if processes > 1 else []
        command = [str(self.arguments.program), *launch, *train.overrides(self.arguments, *FIXED, *overrides, unused=UNUSED_STEPS)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **environment}
        run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"{name}: {run.stdout}{run.stderr}")
        return train.trace(folder)


def overlap(events: list) -> float:
    """Share of the time of all-reduces in which backward runs."""
    spans = {
        name: [(event["ts"], event["ts"] + event["dur"]) for event in events if event["name"] == name]
        for name in ["all-reduce", "backward"]
    }
    shared = sum(
        max(0, min(end, other_end) - max(start, other_start))
        for start, end in spans["all-reduce"]
        for other_start, other_end in spans["backward"]
    )
    return shared / sum(end - start for start, end in spans["all-reduce"])


def start_emulator(program: pathlib.Path, folder: pathlib.Path) -> tuple[subprocess.Popen, str]:
    """Starts the emulator of Cloud Storage with a bucket `bench`, whose objects are files in a folder."""
    address = f"127.0.0.1:{servers.free_port()}"
    command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", address.split(":")[1], "-backend", "filesystem"]
    command += ["-filesystem-root", folder, "-public-host", address, "-external-url", f"http://{address}", "-log-level", "error"]
    process = subprocess.Popen(command)
    url = f"http://{address}/storage/v1/b"
    for _ in range(200):
        try:
            headers = {"content-type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(url, b'{"name": "bench"}', headers)).close()
            return process, address
        except OSError:
            time.sleep(0.05)
    process.terminate()
    raise SystemExit("the emulator does not answer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--label-map", required=True)
    parser.add_argument("--emulator", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        run(Bench(arguments, pathlib.Path(work)), arguments)


def run(bench: Bench, arguments: argparse.Namespace) -> None:
    packing.measure(arguments.program, arguments.data, bench.work, arguments.rounds)
    buckets = bench.work / "buckets"
    buckets.mkdir()
    emulator, address = start_emulator(arguments.emulator, buckets)
    try:
        measure(bench, arguments, {"STORAGE_EMULATOR_HOST": address})
    finally:
        emulator.terminate()
        emulator.wait()


def repeated(data: pathlib.Path, folder: pathlib.Path, steps: int) -> pathlib.Path:
    """A data set with so many of the training tiles that an epoch has all steps, besides the shards that are read ahead."""
    tiles = list((data / "train").glob("*.png"))
    mean = sum(path.stat().st_size for path in tiles) / len(tiles)
    packing.repeat(data, folder, int((steps + UNUSED_STEPS) * train.BATCH * mean * 1.5 + MEMORY_MB * 1e6))
    for name in ["val", "val_mask"]:
        (folder / name).symlink_to(data / name)
    return folder


def measure(bench: Bench, arguments: argparse.Namespace, cloud: dict[str, str]) -> None:
    arguments.data = repeated(arguments.data, bench.work / "tissue", arguments.steps)
    folder = bench.work / "shards"
    for output in [str(folder), "gs://bench/shards"]:
        packing.pack(arguments.program, arguments.data, output, "--shard-mb", str(SHARD_MB), environment=cloud)

    memory = [f"data.stream.memory_mb={MEMORY_MB}"]
    configurations = {
        "1 process, 2 threads": (1, 2, [], {}),
        "2 processes, 1 thread each": (2, 1, [], {}),
        "shards in a folder": (1, 2, [f"data.train_shards={folder}", *memory], {}),
        "shards in the emulator": (1, 2, ["data.train_shards=gs://bench/shards", *memory], cloud),
    }
    figures = {name: [] for name in configurations}
    overlaps = []
    for round_number in range(arguments.rounds):
        order = list(configurations.items())
        for name, configuration in order[::-1] if round_number % 2 else order:
            events = bench.train(f"{round_number}-{name}", *configuration)
            figures[name].append(train.of_trace(events, UNUSED_STEPS))
            if configuration[0] > 1:
                overlaps.append(overlap(events))
        print(f"round {round_number + 1} of {arguments.rounds}", flush=True)

    def ratio(name: str, other: str, least: str) -> str:
        ratios = [a / b for (a, _), (b, _) in zip(figures[name], figures[other])]
        return f"{statistics.median(ratios):>10.3f}{f'{min(ratios):.2f}-{max(ratios):.2f}':>16}{least:>10}"

    print(f"\n{'':44}{'images/s':>10}{'of the rounds':>16}{'data wait':>12}")
    for name, rounds in figures.items():
        rates, waits = zip(*rounds)
        spread, wait = f"{min(rates):.1f}-{max(rates):.1f}", 100 * statistics.median(waits)
        print(f"{name:44}{statistics.median(rates):>10.1f}{spread:>16}{wait:>10.1f} %")
    print(f"\n{'median of the ratios of the rounds':44}{'ratio':>10}{'of the rounds':>16}{'at least':>10}")
    one, two, files, shards = figures
    print(f"{'2 × 1 thread / 1 × 2 threads':44}{ratio(two, one, '0.90')}")
    print(f"{'shards in the emulator / files':44}{ratio(shards, one, '0.95')}")
    print(f"{'shards in the emulator / in a folder':44}{ratio(shards, files, '')}")
    print(f"{'time of all-reduces while backward runs':44}{statistics.median(overlaps):>10.1%}")


if __name__ == "__main__":
    main()
