"""Forward passes of bcs and its peers in turns, for `scripts/bench infer`.

    python benches/infer.py --ours PROGRAM --python PROGRAM [--model PACKAGE] [--rounds 5] [--passes 10] [--output FILE.json]

PACKAGE has the predecessor's network; without it, the parameters are random, and int8 is left out. In each round every engine runs some passes of each batch size. The table shows the median of all passes and the range of the
rounds' medians; ratios are the medians of the rounds' ratios.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess

BATCHES = (1, 8)
OURS = {
    "bcs, OpenVINO float32": "openvino float32",
    "bcs, OpenVINO bfloat16": "openvino bfloat16",
    "bcs, OpenVINO int8": "openvino int8",
    "bcs, libtorch float32": "libtorch float32",
}
PEERS = {
    "PyTorch": "eager",
    "TorchScript": "torchscript",
    "ONNX Runtime": "onnxruntime",
    "OpenVINO float32": "openvino-float32",
    "OpenVINO bfloat16": "openvino-bfloat16",
}
RATIOS = [
    ("bcs, OpenVINO float32", "OpenVINO float32"),
    ("bcs, OpenVINO float32", "TorchScript"),
    ("bcs, OpenVINO bfloat16", "OpenVINO bfloat16"),
    ("bcs, OpenVINO int8", "OpenVINO float32"),
    ("bcs, libtorch float32", "TorchScript"),
]


class Program:
    """A process that answers a line with the milliseconds of passes."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def time(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"bench: {self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(answer)


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{os.cpu_count()} cores of {line.split(':', 1)[1].strip()}"
    return f"{os.cpu_count()} cores of {platform.processor()}"


def instructions():
    """Names of the CPU's instruction sets, among other words."""
    return pathlib.Path("/proc/cpuinfo").read_text().split()


def measure(arguments):
    """Milliseconds by engine and batch size, a list per round."""
    package = [] if arguments.model is None else [arguments.model]
    engines = {name: words for name, words in OURS.items() if package or not words.endswith("int8")}
    ours = Program([arguments.ours, *package])
    peers = Program([arguments.python, str(pathlib.Path(__file__).parent / "peers/infer.py")])
    times = {}
    for number in range(arguments.rounds):
        for batch in BATCHES:
            for name, words in engines.items():
                times.setdefault((name, batch), []).append(ours.time(words, batch, arguments.passes))
            for name, words in PEERS.items():
                times.setdefault((name, batch), []).append(peers.time(words, batch, arguments.passes))
        print(f"round {number + 1} of {arguments.rounds}", flush=True)
    return times


def summary(times):
    figures = []
    for (name, batch), rounds in times.items():
        medians = [statistics.median(passes) for passes in rounds]
        median = statistics.median(value for passes in rounds for value in passes)
        figures.append({"engine": name, "batch": batch, "ms": median, "least": min(medians), "most": max(medians)})
    ratios = {}
    for mine, theirs in RATIOS:
        for batch in BATCHES:
            if (mine, batch) in times:
                pairs = zip(times[mine, batch], times[theirs, batch])
                of_rounds = [statistics.median(other) / statistics.median(one) for one, other in pairs]
                ratios[f"{mine} / {theirs}, batch {batch}"] = statistics.median(of_rounds)
    return figures, ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    figures, ratios = summary(measure(arguments))
    print(f"\n{machine()}, images of 224 x 224\n")
    print(f"{'':26}{'batch':>6}{'ms':>9}{'of the rounds':>18}")
    for figure in sorted(figures, key=lambda figure: (figure["batch"], figure["ms"])):
        spread = f"{figure['least']:.1f}-{figure['most']:.1f}"
        print(f"{figure['engine']:26}{figure['batch']:>6}{figure['ms']:>9.1f}{spread:>18}")
    print()
    print("times faster")
    for name, ratio in ratios.items():
        print(f"  {name:54}{ratio:>8.2f}")
    if arguments.output:
        arguments.output.write_text(json.dumps({"machine": machine(), "figures": figures, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
