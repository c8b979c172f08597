"""Throughput of bcs-predictor and its peer in turns, for `scripts/bench serve`.

    python benches/serve.py --server PROGRAM --load PROGRAM --forward PROGRAM --python PROGRAM --model PACKAGE --image FILE
        [--clients 8] [--requests 400] [--rounds 3] [--busy] [--output FILE.json]

A server for each precision that the package has, and the peer, run at the same time; in each round, each of them gets the load, and
the engine alone segments as many images as it can on all cores. The table shows medians; ratios are the medians of the rounds'
ratios. With --busy, rounds with one core kept busy by another process follow.
"""

import argparse
import json
import multiprocessing
import pathlib
import statistics
import subprocess
import tempfile

import servers
from infer import Program, machine

PEER = "FastAPI and TorchScript"
BATCH, PASSES = 8, 5
FIGURES = {"requests_per_second": "requests/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms"}


def precisions(model):
    names = ["float32", "bfloat16"]
    return [*names, "int8"] if (pathlib.Path(model) / "model.int8.onnx").exists() else names


def load(arguments, port, requests):
    url = f"http://127.0.0.1:{port}/predict-img/"
    command = [arguments.load, url, arguments.image, str(arguments.clients), str(requests)]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if figures["failed"]:
        raise SystemExit(f"bench: {figures['failed']} of {requests} requests to {url} have failed")
    return figures


def measure(arguments, running, forward):
    """Figures of each round, by server; `engine` is the images per second of the engine alone."""
    rounds = []
    for number in range(arguments.rounds):
        figures = {}
        for name, server in running.items():
            # The peer is slower: fewer requests take as long.
            requests = arguments.requests // 4 if name == PEER else arguments.requests
            figures[name] = {**load(arguments, server.port, requests), "memory": server.memory()}
            if name != PEER:
                passes = forward.time("openvino", name, BATCH, PASSES)
                figures[name]["engine"] = BATCH / statistics.median(passes) * 1e3
        rounds.append(figures)
        print(f"round {number + 1} of {arguments.rounds}", flush=True)
    return rounds


def summary(rounds):
    table, ratios = {}, {}
    for name in rounds[0]:
        keys = rounds[0][name].keys()
        table[name] = {key: statistics.median(figures[name][key] for figures in rounds) for key in keys}
        if name == PEER:
            continue
        pairs = [(figures[name], figures[PEER]) for figures in rounds]
        ratios[f"{name}, requests/s"] = statistics.median(mine["requests_per_second"] / peer["requests_per_second"] for mine, peer in pairs)
        ratios[f"{name}, p99"] = statistics.median(peer["p99_ms"] / mine["p99_ms"] for mine, peer in pairs)
        ratios[f"{name}, memory"] = statistics.median(peer["memory"] / mine["memory"] for mine, peer in pairs)
        ratios[f"{name}, share of the engine"] = statistics.median(mine["requests_per_second"] / mine["engine"] for mine, _ in pairs)
    return table, ratios


def show(title, table, ratios):
    print(f"\n{title}\n{'':28}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'MB':>8}{'engine alone':>15}")
    for name, figures in table.items():
        label = name if name == PEER else f"bcs-predictor, {name}"
        engine = f"{figures['engine']:>15.1f}" if "engine" in figures else ""
        cells = "".join(f"{figures[key]:>{12 if key == 'requests_per_second' else 10}.1f}" for key in FIGURES)
        print(f"{label:28}{cells}{figures['memory']:>8.0f}{engine}")
    print(f"\n{'times better than the peer':28}")
    for name, ratio in ratios.items():
        print(f"  {name:38}{ratio:>8.2f}")


def spin():
    while True:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["server", "load", "forward", "python", "model", "image"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    running, results = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in precisions(arguments.model):
                predictions = pathlib.Path(folder) / name
                running[name] = servers.ours(arguments.server, arguments.model, predictions, PRECISION=name, ENGINE="openvino")
            running[PEER] = servers.peer(arguments.python, folder)
            forward = Program([arguments.forward, arguments.model])
            results["all cores free"] = summary(measure(arguments, running, forward))
            if arguments.busy:
                neighbour = multiprocessing.Process(target=spin, daemon=True)
                neighbour.start()
                results["one core busy"] = summary(measure(arguments, running, forward))
                neighbour.terminate()
        finally:
            for server in running.values():
                server.stop()
    print(f"\n{machine()}, {arguments.clients} clients")
    for title, (table, ratios) in results.items():
        show(title, table, ratios)
    if arguments.output:
        table, ratios = results["all cores free"]
        arguments.output.write_text(json.dumps({"machine": machine(), "figures": table, "ratios": ratios}, indent=1) + "\n")


if __name__ == "__main__":
    main()
