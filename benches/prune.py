"""Accuracy and speed of pruned networks, for `scripts/bench prune`.

    python benches/prune.py --trainer PROGRAM --forward PROGRAM [--epochs 20] [--further 10] [--rounds 5]
        [--page FILE.md --plot FILE.png] [--output FILE.json]

Trains the default network on drawn tissue, prunes it to fractions of its multiplications, trains each further, and scores all on slides
that none has seen. Forward passes of the networks take turns; medians, and ratios of the rounds.
"""

import argparse
import datetime
import json
import pathlib
import re
import statistics
import subprocess
import tempfile

from infer import Program, machine
from report import OURS, STYLE, row

FRACTIONS = (0.5, 0.25, 0.125)
FULL = "as trained"
SLIDES, TILES = 20, 20
PASSES = 20
PRECISIONS = ("float32", "bfloat16")


class Bench:
    """The trainer in a folder of its own, with tissue in `data`."""

    def __init__(self, trainer, folder):
        self.trainer, self.folder = str(pathlib.Path(trainer).resolve()), pathlib.Path(folder)
        self.run("synthesize", "--output", "data", "--slides", SLIDES, "--tiles", TILES)

    def run(self, *arguments):
        result = subprocess.run([self.trainer, *map(str, arguments)], cwd=self.folder, text=True, capture_output=True)
        if result.returncode != 0:
            raise SystemExit(f"bench: bcs-trainer ended with {result.returncode}\n{result.stderr}{result.stdout}")
        return result.stdout

    def train(self, name, epochs, *overrides):
        """Trains with the default configuration, and returns the folder of the package."""
        self.run("data.label_map=bcss-22-tumor", "train_hyp.device=cpu", f"train_hyp.max_epochs={epochs}",
                 f"train_hyp.model_repo_location={name}", *overrides)
        (package,) = (self.folder / name).glob("*/best_model-*")
        return package

    def prune(self, package, fraction):
        """Returns the folder of the pruned package, its channels, and both networks' millions of multiplications."""
        name = f"pruned-{fraction}"
        text = self.run("prune", "--model", package, "--multiplications", fraction, "--output", name)
        rows = dict(re.findall(r"^(given|pruned)\s+\S+\s+\S+\s+([\d.]+)$", text, re.MULTILINE))
        channels = re.search(r"^pruned\s+(\[\S+\])", text, re.MULTILINE).group(1)
        return name, channels, {side: float(value) for side, value in rows.items()}

    def dice(self, package):
        """Pooled Dice on slides that are neither for training nor for validation."""
        self.run("evaluate", "--model", package, "--images", "data/test", "--masks", "data/test_mask", "--device", "cpu",
                 "--output", "evaluation")
        return json.loads((self.folder / "evaluation/evaluation.json").read_text())["dice"]


def networks(bench, epochs, further):
    """Packages, multiplications and Dice by name."""
    full = bench.train("full", epochs)
    found = {FULL: {"package": full, "channels": "[16,32,64,128,256]", "dice": bench.dice(full)}}
    print(f"trained for {epochs} epochs: Dice {found[FULL]['dice']:.4f}", flush=True)
    for fraction in FRACTIONS:
        pruned, channels, multiplications = bench.prune(full, fraction)
        found[FULL]["multiplications"] = multiplications["given"]
        before = bench.dice(pruned)
        package = bench.train(f"further-{fraction}", further, f"model_hyp.channels={channels}", f"train_hyp.initial_weights={pruned}")
        name = f"at most {fraction:g}"
        found[name] = {"package": package, "channels": channels, "multiplications": multiplications["pruned"], "untrained": before,
                       "dice": bench.dice(package)}
        print(f"{name} of the multiplications: Dice {before:.4f}, after {further} epochs {found[name]['dice']:.4f}", flush=True)
    return found


def time_in_turns(forward, found, rounds):
    """Adds the median milliseconds of a pass, and how many times faster than the whole network it is."""
    programs = {name: Program([forward, str(network["package"])]) for name, network in found.items()}
    for precision in PRECISIONS:
        times = {name: [] for name in found}
        for _ in range(rounds):
            for name, program in programs.items():
                times[name].append(statistics.median(program.time(f"openvino {precision}", 1, PASSES)))
        for name, network in found.items():
            ratios = [whole / own for whole, own in zip(times[FULL], times[name])]
            network[precision] = {"ms": statistics.median(times[name]), "faster": statistics.median(ratios)}


def table(found):
    whole = found[FULL]
    rows = [row("multiplications", "channels", "share", "Dice when pruned", "Dice", "lost", *(f"{name}, ms" for name in PRECISIONS),
                *(f"{name}, times faster" for name in PRECISIONS)), "|---|---|" + "---:|" * 8]
    for name, network in found.items():
        untrained = f"{network['untrained']:.4f}" if "untrained" in network else ""
        rows.append(row(name, f"`{network['channels']}`", f"{100 * network['multiplications'] / whole['multiplications']:.0f} %", untrained,
                        f"{network['dice']:.4f}", f"{whole['dice'] - network['dice']:.4f}",
                        *(f"{network[precision]['ms']:.1f}" for precision in PRECISIONS),
                        *(f"{network[precision]['faster']:.2f}" for precision in PRECISIONS)))
    return rows


def page(found, arguments):
    return "\n".join([
        "# Accuracy and speed of pruned networks",
        f"Written by `scripts/bench prune` on {machine()}, {datetime.date.today().isoformat()}. Times of other machines differ; ratios carry "
        "over.",
        "",
        f"The default network was trained for {arguments.epochs} epochs on drawn tissue of {SLIDES * 3 // 5} slides, pruned with "
        f"`bcs-trainer prune`, and trained further for {arguments.further} epochs. Dice is that of the tumour over all pixels of "
        f"{SLIDES // 5} slides that were used neither for training nor for validation. Forward passes are those of OpenVINO on one image of "
        "224×224 pixels, on all cores; the networks took turns.",
        "",
        *table(found),
        "",
        f"![Dice over the time of a forward pass, for each pruned network](../images/{arguments.plot.name})",
        "",
        "How channels are chosen is explained in [Inference engines](engines.md#pruning).",
    ]) + "\n"


def draw(found, path):
    from matplotlib import pyplot

    pyplot.rcParams.update(STYLE)
    figure, axis = pyplot.subplots(figsize=(6.4, 3.4), layout="constrained")
    points = [(network["float32"]["ms"], network["dice"], name) for name, network in found.items()]
    axis.plot(*zip(*[point[:2] for point in points]), color=OURS, marker="o", markersize=6)
    for x, y, name in points:
        axis.annotate(name, (x, y), xytext=(7, -11), textcoords="offset points")
    axis.set_xlabel("forward pass in float32, ms")
    axis.set_ylabel("Dice on unseen slides")
    axis.margins(x=0.2, y=0.25)
    axis.grid(alpha=0.25)
    figure.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", required=True)
    parser.add_argument("--forward", required=True)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--further", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = networks(Bench(arguments.trainer, folder), arguments.epochs, arguments.further)
        time_in_turns(arguments.forward, found, arguments.rounds)
    print(f"\n{machine()}\n\n{'multiplications':16}{'share':>8}{'Dice':>9}{'lost':>9}", end="")
    print("".join(f"{f'{name}, ms':>14}{'faster':>9}" for name in PRECISIONS))
    for name, network in found.items():
        share = 100 * network["multiplications"] / found[FULL]["multiplications"]
        times = "".join(f"{network[precision]['ms']:>14.1f}{network[precision]['faster']:>8.2f}×" for precision in PRECISIONS)
        print(f"{name:16}{share:>6.0f} %{network['dice']:>9.4f}{found[FULL]['dice'] - network['dice']:>9.4f}{times}")
    if arguments.page:
        draw(found, arguments.plot)
        arguments.page.write_text(page(found, arguments))
    if arguments.output:
        figures = {name: {key: value for key, value in network.items() if key != "package"} for name, network in found.items()}
        arguments.output.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
