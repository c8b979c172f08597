"""A simulation of training on many GPUs: time of a step, all-reduce beside backward, shards from a bucket, cost.

  simulate_cluster.py [--nodes 8] [--gpus 8] [--tiles 100e6] [--images-per-second 2500] [--bucket-mb 25] [--steps 4000]

It draws the times of steps and of reads of shards, and follows each step through them:
- A step of a GPU takes the time of its tiles, with a log-normal spread. All wait for the slowest one.
- Backward is two thirds of a step. The gradients of a bucket are complete when its share of backward is over. Buckets are
  all-reduced one after the other: by one ring of all processes, as Gloo does, or by a ring among the GPUs of a machine and one
  among machines, as NCCL does; each with latency and bandwidth (2 (n - 1) / n times the bytes).
- A machine reads shards in parallel streams, each as fast as a stream of Cloud Storage; a read is slow now and then. A step
  waits if the tiles of its machine have not arrived.
All numbers are options: they are assumptions until they are measured.
"""

import argparse
import heapq
import random
import statistics


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = lambda name, default, text: parser.add_argument(name, type=type(default), default=default, help=text)
    option("--nodes", 8, "machines")
    option("--gpus", 8, "GPUs of a machine")
    option("--tiles", 100e6, "tiles of an epoch")
    option("--tile-kb", 100.0, "kilobytes of an encoded tile with its mask")
    option("--images-per-second", 2500.0, "tiles that one GPU trains on alone")
    option("--batch", 64, "tiles of a GPU in a step")
    option("--spread", 0.04, "standard deviation of the logarithm of the time of a step")
    option("--parameters", 1.63e6, "parameters of the network, of which the gradients are float32")
    option("--bucket-mb", 25.0, "megabytes of a bucket of gradients")
    option("--local-gb-per-second", 150.0, "gigabytes per second between the GPUs of a machine")
    option("--network-gb-per-second", 10.0, "gigabytes per second between machines")
    option("--local-latency", 8e-6, "seconds of a message between the GPUs of a machine")
    option("--network-latency", 30e-6, "seconds of a message between machines")
    option("--gloo-gb-per-second", 0.0, "gigabytes per second between two processes of Gloo, through the memory of hosts; 0: NCCL")
    option("--gloo-latency", 60e-6, "seconds of a message between two processes of Gloo")
    option("--stream-mb-per-second", 100.0, "megabytes per second of a read from the bucket")
    option("--streams", 32, "simultaneous reads of a machine")
    option("--shard-mb", 256.0, "megabytes of a shard")
    option("--slow", 0.01, "share of reads that take five times as long")
    option("--ahead", 12.0, "gigabytes of shards that a machine reads ahead")
    option("--price", 3.75, "dollars of a GPU, with its part of a machine, per hour")
    option("--steps", 4000, "steps to simulate")
    option("--seed", 0, "seed")
    return parser.parse_args()


def ring(bytes_: float, members: int, rate: float, latency: float) -> float:
    """Seconds of an all-reduce in a ring."""
    return 0.0 if members < 2 else 2 * (members - 1) * (latency + bytes_ / members / rate)


def buckets(options: argparse.Namespace) -> list[float]:
    """Bytes of the buckets in the order of backward; the first one has at most 1 MB, as in PyTorch."""
    left, sizes = 4 * options.parameters, []
    while left > 0:
        most = min(1e6, options.bucket_mb * 1e6) if not sizes else options.bucket_mb * 1e6
        sizes.append(min(left, most))
        left -= sizes[-1]
    return sizes


def all_reduce(options: argparse.Namespace, size: float) -> float:
    if options.gloo_gb_per_second > 0:
        return ring(size, options.gpus * options.nodes, options.gloo_gb_per_second * 1e9, options.gloo_latency)
    local = ring(size, options.gpus, options.local_gb_per_second * 1e9, options.local_latency)
    return local + ring(size, options.nodes, options.network_gb_per_second * 1e9, options.network_latency)


class Reader:
    """The shards that a machine reads."""

    def __init__(self, options: argparse.Namespace, draw: random.Random):
        self.options, self.draw = options, draw
        self.shard = options.shard_mb * 1e6
        self.unused = 0.0
        self.ends: list[float] = []
        self.start(0.0)

    def start(self, now: float) -> None:
        """Starts reads until all streams are busy, or enough is read ahead."""
        ahead = self.options.ahead * 1e9
        while len(self.ends) < self.options.streams and self.unused + len(self.ends) * self.shard < ahead:
            seconds = self.options.shard_mb / self.options.stream_mb_per_second * self.draw.lognormvariate(0, 0.3)
            heapq.heappush(self.ends, now + seconds * (5 if self.draw.random() < self.options.slow else 1))

    def take(self, now: float, bytes_: float) -> float:
        """Returns when so many bytes are there, at `now` or later."""
        while self.ends and (self.ends[0] <= now or self.unused < bytes_):
            end = heapq.heappop(self.ends)
            self.unused += self.shard
            if end > now:
                now = end
            self.start(end)
        self.unused -= bytes_
        self.start(now)
        return now


def simulate(options: argparse.Namespace) -> dict[str, float]:
    draw = random.Random(options.seed)
    sizes, alone = buckets(options), options.batch / options.images_per_second
    total = sum(sizes)
    times = [all_reduce(options, size) for size in sizes]
    readers = [Reader(options, draw) for _ in range(options.nodes)]
    of_machine = options.gpus * options.batch * options.tile_kb * 1e3
    now, steps, exposed, waits = 0.0, [], [], []
    for step in range(options.steps + 100):
        ready = max(reader.take(now, of_machine) for reader in readers)
        slowest = max(draw.lognormvariate(0, options.spread) for _ in range(options.nodes * options.gpus)) * alone
        network = done = 0.0
        for size, seconds in zip(sizes, times):
            done += size
            network = max(network, slowest * (1 / 3 + 2 / 3 * done / total)) + seconds
        end = ready + max(network, slowest)
        if step >= 100:
            steps.append(end - now)
            exposed.append(max(network, slowest) - slowest)
            waits.append(ready - now)
        now = end
    mean = statistics.fmean(steps)
    tiles = options.nodes * options.gpus * options.batch
    epoch = options.tiles / tiles * mean
    return {
        "GPUs": options.nodes * options.gpus,
        "tiles in a step": tiles,
        "step, ms": mean * 1e3,
        "all-reduce of a step, ms": sum(times) * 1e3,
        "of it not beside backward, ms": statistics.fmean(exposed) * 1e3,
        "wait for data, % of a step": 100 * sum(waits) / sum(steps),
        "images/s": tiles / mean,
        "efficiency, %": 100 * tiles / mean / (options.nodes * options.gpus * options.images_per_second),
        "from the bucket, GB/s": tiles / mean * options.tile_kb / 1e6,
        "of a machine, GB/s": tiles / mean * options.tile_kb / 1e6 / options.nodes,
        "epoch, h": epoch / 3600,
        "epoch, $": epoch / 3600 * options.nodes * options.gpus * options.price,
    }


def main() -> None:
    options = parse()
    variants = {"1 GPU": (1, 1), "1 machine": (1, options.gpus), f"{options.nodes} machines": (options.nodes, options.gpus)}
    results = {
        name: simulate(argparse.Namespace(**{**vars(options), "nodes": nodes, "gpus": gpus}))
        for name, (nodes, gpus) in variants.items()
    }
    print(f"| | {' | '.join(results)} |\n|---|{'---:|' * len(results)}")
    for key in next(iter(results.values())):
        print(f"| {key} | {' | '.join(f'{result[key]:,.5g}' for result in results.values())} |")
    print("\n| bucket, MB | all-reduce of a step, ms | not beside backward, ms |\n|---:|---:|---:|")
    for bucket in [0.5, 1, 2, 5, 25]:
        result = simulate(argparse.Namespace(**{**vars(options), "bucket_mb": bucket}))
        print(f"| {bucket} | {result['all-reduce of a step, ms']:.3f} | {result['of it not beside backward, ms']:.3f} |")


if __name__ == "__main__":
    main()
