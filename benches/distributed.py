"""Training in several processes and from shards, beside one process and files: ratios of images per second.

  distributed.py --program PATH --data DIR --label-map NAME --emulator PATH [--rounds 3] [--steps 10]

Configurations take turns; figures are medians over the rounds, each of the steps of a run but the first two.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import urllib.request

import servers
import train

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
        command = [str(self.arguments.program), *launch, *train.overrides(self.arguments, *FIXED, *overrides)]
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


def pack(bench: Bench, output: str, environment: dict[str, str]) -> float:
    """Packs the training tiles, and returns the seconds."""
    command = [bench.arguments.program, "pack", "--images", bench.arguments.data / "train", "--masks", bench.arguments.data / "train_mask"]
    start = time.monotonic()
    command += ["--output", output, "--shard-mb", "4"]
    subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
    return time.monotonic() - start


def write_speed(folder: pathlib.Path, size: int) -> float:
    """Bytes per second of the disk."""
    block, start = os.urandom(1 << 20), time.monotonic()
    with open(folder / "written", "wb") as file:
        for _ in range(max(1, size >> 20)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return max(1, size >> 20) * (1 << 20) / (time.monotonic() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--label-map", required=True)
    parser.add_argument("--emulator", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        run(Bench(arguments, pathlib.Path(work)), arguments)


def run(bench: Bench, arguments: argparse.Namespace) -> None:
    buckets = bench.work / "buckets"
    buckets.mkdir()
    emulator, address = start_emulator(arguments.emulator, buckets)
    try:
        measure(bench, arguments, {"STORAGE_EMULATOR_HOST": address})
    finally:
        emulator.terminate()
        emulator.wait()


def measure(bench: Bench, arguments: argparse.Namespace, cloud: dict[str, str]) -> None:
    folder = bench.work / "shards"
    seconds = pack(bench, str(folder), {})
    size = sum(path.stat().st_size for path in folder.iterdir())
    disk = write_speed(bench.work, size)
    pack(bench, "gs://bench/shards", cloud)

    configurations = {
        "1 process, 2 threads": (1, 2, [], {}),
        "2 processes, 1 thread each": (2, 1, [], {}),
        "shards in a folder": (1, 2, [f"data.train_shards={folder}"], {}),
        "shards in the emulator": (1, 2, ["data.train_shards=gs://bench/shards"], cloud),
    }
    speeds = {name: [] for name in configurations}
    overlaps = []
    for round_number in range(arguments.rounds):
        for number, (name, configuration) in enumerate(configurations.items()):
            events = bench.train(f"{round_number}-{number}", *configuration)
            speeds[name].append(train.of_trace(events)[0])
            if configuration[0] > 1:
                overlaps.append(overlap(events))
        print(f"round {round_number + 1} of {arguments.rounds}", flush=True)

    def ratio(name: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(speeds[name], speeds[other]))

    print(f"\n{'':44}{'images/s':>10}")
    for name, values in speeds.items():
        print(f"{name:44}{statistics.median(values):>10.1f}")
    print(f"\n{'median of the ratios of the rounds':44}{'ratio':>10}{'at least':>10}")
    one, two, files, shards = speeds
    print(f"{'2 × 1 thread / 1 × 2 threads':44}{ratio(two, one):>10.3f}{0.9:>10.2f}")
    print(f"{'shards in the emulator / files':44}{ratio(shards, one):>10.3f}{0.95:>10.2f}")
    print(f"{'shards in the emulator / in a folder':44}{ratio(shards, files):>10.3f}")
    print(f"{'time of all-reduces while backward runs':44}{statistics.median(overlaps):>10.1%}")
    print(f"{'packing, MB/s':44}{size / seconds / 1e6:>10.1f}")
    print(f"{'disk, MB/s':44}{disk / 1e6:>10.1f}")


if __name__ == "__main__":
    main()
