"""Cold start of bcs-predictor and its peer in turns, for `scripts/bench start`.

    python benches/start.py --server PROGRAM [--lean PROGRAM] --python PROGRAM --model PACKAGE [--rounds 5] [--output FILE.json]

Seconds from the start of the process to the first 200 of its readiness route, with the package on disk, and resident memory then.
The first start of each is not counted. --lean is a bcs-predictor without libtorch.
"""

import argparse
import json
import pathlib
import statistics
import tempfile

import servers
from infer import machine
from serve import PEER


def configurations(arguments, folder):
    """Functions that start a server, by name."""
    cache = str(pathlib.Path(folder) / "cache")
    ours = lambda program, **settings: lambda: servers.ours(program, arguments.model, pathlib.Path(folder) / "predictions", **settings)
    found = {
        "chosen by measurement": ours(arguments.server),
        "choice and graph kept": ours(arguments.server, MODEL_CACHE=cache),
        "OpenVINO": ours(arguments.server, ENGINE="openvino"),
    }
    if arguments.lean:
        found["without libtorch"] = ours(arguments.lean)
        found["without libtorch, graph kept"] = ours(arguments.lean, MODEL_CACHE=cache)
    return {**found, PEER: lambda: servers.peer(arguments.python, folder)}


def measure(arguments):
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        starts = configurations(arguments, folder)
        for number in range(arguments.rounds + 1):
            figures = {}
            for name, start in starts.items():
                server = start()
                figures[name] = {"seconds": server.seconds, "memory": server.memory()}
                server.stop()
            if number > 0:
                rounds.append(figures)
                print(f"round {number} of {arguments.rounds}", flush=True)
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["server", "python", "model"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--lean")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    rounds = measure(arguments)
    median = lambda name, key: statistics.median(figures[name][key] for figures in rounds)
    figures = {name: {key: median(name, key) for key in ["seconds", "memory"]} for name in rounds[0]}
    ratios = {}
    for name in figures:
        if name != PEER:
            for key, label in [("seconds", "start"), ("memory", "memory after the start")]:
                ratios[f"{name}, {label}"] = statistics.median(round[PEER][key] / round[name][key] for round in rounds)
    print(f"\n{machine()}\n\n{'':44}{'seconds':>9}{'least':>9}{'most':>9}{'MB':>7}{'start':>9}{'memory':>9}")
    for name, figure in figures.items():
        seconds = [round[name]["seconds"] for round in rounds]
        label = name if name == PEER else f"bcs-predictor, {name}"
        times = "" if name == PEER else f"{ratios[f'{name}, start']:>8.1f}×{ratios[f'{name}, memory after the start']:>8.1f}×"
        print(f"{label:44}{figure['seconds']:>9.3f}{min(seconds):>9.3f}{max(seconds):>9.3f}{figure['memory']:>7.0f}{times}")
    if arguments.output:
        arguments.output.write_text(json.dumps({"machine": machine(), "figures": figures, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
