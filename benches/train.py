"""Training by bcs-trainer and its peer in turns, for `scripts/bench train`.

    python benches/train.py --trainer PROGRAM --python PROGRAM --data DIR [--label-map bcss-tumor] [--rounds 3] [--steps 10]
        [--output FILE.json]

Tiles from disk, decoded anew in each epoch, augmentation, batches of 16 on all cores. The first steps are not counted. The table shows
the median round of each configuration; ratios are the medians of the rounds' ratios. bfloat16 is left out on CPUs without AVX-512, where
libtorch, and so PyTorch, has no fast convolution for it: it takes some twenty times as long as float32.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

from infer import instructions, machine

BATCH, UNUSED_STEPS = 16, 2
# The peer's configurations of each precision.
PRECISIONS = {"32-true": ("fp32", "channels_last"), "bf16-mixed": ("bf16", "channels_last bf16")}
# As the peer augments.
AUGMENTATION = ("augmentation=none", "augmentation.horizontal_flip.prob=0.5", "augmentation.rot90.prob=0.75",
                "augmentation.channel_jitter.prob=1.0")


def precisions():
    """Those for which libtorch has convolutions on this CPU."""
    return [name for name in PRECISIONS if name == "32-true" or "avx512f" in instructions()]


def overrides(arguments, *further, unused=UNUSED_STEPS):
    """Those of a training of some steps, of which the trace tells the times; the first `unused` ones are further ones."""
    tiles = len(list(pathlib.Path(arguments.data, "train").glob("*.png")))
    if tiles < BATCH:
        raise SystemExit(f"bench: {arguments.data}/train has {tiles} tiles; a batch needs {BATCH}")
    # No batch is smaller than the others.
    return [f"data.root='{arguments.data}'", f"data.label_map='{arguments.label_map}'", "data.cache_mb=0", *AUGMENTATION,
            "train_hyp.device=cpu", "train_hyp.learning_rate=1e-3", f"train_hyp.training_batch_size={BATCH}",
            f"train_hyp.limit_train_batches={tiles // BATCH}", "train_hyp.max_epochs=1000",
            f"train_hyp.max_steps={arguments.steps + unused}", "train_hyp.profiling=true", *further]


def ours(arguments, precision):
    """Images per second, and the share of the time that a step waits for data."""
    with tempfile.TemporaryDirectory() as folder:
        run([arguments.trainer, *overrides(arguments, f"train_hyp.precision={precision}")], folder)
        return of_trace(trace(folder))


def trace(folder):
    (file,) = pathlib.Path(folder).glob("outputs/*/*/trace.json")
    return json.loads(file.read_text())


def of_trace(events, unused=UNUSED_STEPS):
    """Images per second, and the share of the time that a step waits for data, of all steps but the first `unused` ones."""
    steps = [event for event in events if event["name"] == "step"][unused:]
    waits = [event["dur"] for event in events if event["name"] == "wait for data" and event["ts"] >= steps[0]["ts"]]
    seconds = sum(event["dur"] for event in steps) / 1e6
    return BATCH * len(steps) / seconds, sum(waits) / 1e6 / seconds


def peers(arguments, configurations):
    """The same of each of these configurations of the peer, by name."""
    program = pathlib.Path(__file__).parent / "peers/train.py"
    text = run([arguments.python, str(program), "--data", arguments.data, "--steps", str(arguments.steps), "--configurations",
                *configurations], None)
    rates = {}
    for figure in map(json.loads, text.splitlines()):
        seconds = sum(figure["seconds"])
        rates[f"peer {figure['configuration']}"] = (BATCH * len(figure["seconds"]) / seconds, sum(figure["waits"]) / seconds)
    return rates


def run(command, folder):
    result = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    if result.returncode != 0:
        raise SystemExit(f"bench: {command[0]} ended with {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def measure(arguments):
    """Lists of a pair per round, by configuration."""
    figures = {}
    configurations = [name for precision in precisions() for name in PRECISIONS[precision]]
    for number in range(arguments.rounds):
        of_round = {f"bcs-trainer {precision}": ours(arguments, precision) for precision in precisions()}
        for name, figure in {**of_round, **peers(arguments, configurations)}.items():
            figures.setdefault(name, []).append(figure)
        print(f"round {number + 1} of {arguments.rounds}", flush=True)
    return figures


def ratios(figures):
    medians = {name: statistics.median(rate for rate, _ in rounds) for name, rounds in figures.items()}
    best = lambda names: max(names, key=medians.get)
    theirs, mine = ([name for name in figures if name.startswith(who)] for who in ["peer", "bcs-trainer"])
    pairs = {"float32 on both sides": ("bcs-trainer 32-true", best(["peer fp32", "peer channels_last"])),
             "the best of both sides": (best(mine), best(theirs))}
    return {title: statistics.median(one[0] / other[0] for one, other in zip(figures[mine], figures[theirs]))
            for title, (mine, theirs) in pairs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["trainer", "python", "data"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--label-map", default="bcss-tumor")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    figures = measure(arguments)
    print(f"\n{machine()}\n\n{'':26}{'images/s':>10}{'of the rounds':>16}{'data wait':>12}")
    table = {}
    for name, rounds in figures.items():
        rates, waits = zip(*rounds)
        table[name] = {"images_per_second": statistics.median(rates), "least": min(rates), "most": max(rates),
                       "wait": statistics.median(waits)}
        print(f"{name:26}{statistics.median(rates):>10.1f}{f'{min(rates):.1f}-{max(rates):.1f}':>16}{100 * table[name]['wait']:>10.1f} %")
    print("\ntimes faster than the peer")
    for title, ratio in ratios(figures).items():
        print(f"  {title:54}{ratio:>8.2f}")
    if arguments.output:
        arguments.output.write_text(json.dumps({"machine": machine(), "figures": table, "ratios": ratios(figures)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
