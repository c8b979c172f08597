"""The page, the plot and the check of `scripts/bench all`.

    python benches/report.py FOLDER [--page FILE.md --plot FILE.png] [--baseline FILE.json] [--accept]

FOLDER has infer.json, serve.json, start.json and train.json. All ratios tell how many times better bcs is than its peer. With --baseline, a ratio
that is less than four fifths of the one in the file is an error; --accept writes the ratios to the file instead. The file has ratios for
each kind of CPU, as instructions for bfloat16 and int8 make a difference.
"""

import argparse
import datetime
import json
import pathlib

from infer import instructions
from serve import PEER

BENCHMARKS = ("infer", "serve", "start", "train")
# A fall by more than a fifth.
LEAST = 0.8
# Prices of docs/explanation/costs.md in US dollars: a second of a CPU and of a GiB, a million requests.
CPU, GIB, REQUESTS = 0.000024, 0.0000025, 0.40
CPUS, GIBS = 2, 4
OURS, OTHERS = "#00727a", "#9aa5b1"
# Of the plots.
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "font.family": "sans-serif"}
# Kinds of CPU by their newest instructions that matter.
KINDS = {"amx_tile": "AMX", "avx512_bf16": "AVX-512 with bfloat16", "avx512_vnni": "AVX-512 with VNNI", "avx_vnni": "AVX with VNNI"}


def flat(results):
    return {f"{benchmark}: {name}": ratio for benchmark in BENCHMARKS for name, ratio in results[benchmark]["ratios"].items()}


def kind_of_cpu():
    names = instructions()
    return next((kind for name, kind in KINDS.items() if name in names), "other")


def dollars(requests_per_second):
    """Cloud Run's price of a million predictions from an instance that always has work."""
    return 1e6 / requests_per_second * (CPUS * CPU + GIBS * GIB) + REQUESTS


def row(*cells):
    return f"| {' | '.join(cells)} |"


def forward_table(figures):
    cells = {}
    for figure in figures:
        spread = f"{figure['least']:.1f} to {figure['most']:.1f}"
        cells.setdefault(figure["engine"], {})[figure["batch"]] = (f"{figure['ms']:.1f}", spread)
    rows = [row("", "batch 1, ms", "of the rounds", "batch 8, ms", "of the rounds"), "|---|---:|---:|---:|---:|"]
    order = sorted(cells, key=lambda engine: float(cells[engine][8][0]))
    return rows + [row(engine, *cells[engine][1], *cells[engine][8]) for engine in order]


def label(name):
    return name if name == PEER else f"`bcs-predictor`, {name}"


def serve_table(figures):
    rows = [row("", "requests/s", "p50, ms", "p99, ms", "memory, MB", "of the engine alone", "a million, $"),
            "|---|---:|---:|---:|---:|---:|---:|"]
    for name, figure in figures.items():
        rate = figure["requests_per_second"]
        share = f"{100 * rate / figure['engine']:.0f} %" if "engine" in figure else ""
        rows.append(row(label(name), f"{rate:.0f}", f"{figure['p50_ms']:.0f}", f"{figure['p99_ms']:.0f}", f"{figure['memory']:.0f}",
                        share, f"{dollars(rate):.2f}"))
    return rows


def start_table(figures):
    rows = [row("", "seconds to ready", "memory, MB"), "|---|---:|---:|"]
    return rows + [row(label(name), f"{figure['seconds']:.2f}", f"{figure['memory']:.0f}") for name, figure in figures.items()]


def train_table(figures):
    rows = [row("", "images/s", "of the rounds", "waits for data"), "|---|---:|---:|---:|"]
    return rows + [row(name, f"{figure['images_per_second']:.1f}", f"{figure['least']:.1f} to {figure['most']:.1f}",
                       f"{100 * figure['wait']:.1f} %") for name, figure in figures.items()]


def ratio_table(ratios):
    rows = [row("", "times better"), "|---|---:|"]
    return rows + [row(name, f"{ratio:.2f}") for name, ratio in ratios.items()]


def page(results, plot):
    lines = [
        "# Speed beside its peers",
        "Written by `scripts/bench all`, which runs everything below in turns on one machine: " +
        f"{results['serve']['machine']}, {datetime.date.today().isoformat()}. Ratios carry over to other machines, times do not.",
        "",
        f"![Forward passes, throughput, cold start and training beside their peers](../images/{plot.name})",
        "",
        "## Forward passes",
        "MONAI's `UNet` with channels 16 to 256 on images of 224×224 pixels, on all cores, from bytes to logits; the peers are in Python.",
        "",
        *forward_table(results["infer"]["figures"]),
        "",
        "## Serving",
        "Eight clients upload a tile of 224×224 pixels and get its overlay. The peer (`benches/peers/serve.py`) answers alike and stores "
        "nothing. The engine alone runs batches of eight on all cores. The last column is what Cloud Run takes for a million predictions "
        f"from an instance with {CPUS} CPUs and {GIBS} GiB that always has work: "
        "`10⁶ / (requests/s) · (2 · c + 4 · m) + q`, with the prices in [costs](costs.md).",
        "",
        *serve_table(results["serve"]["figures"]),
        "",
        "## Cold start",
        "From the start of the process to the first 200 on `/ready` (the peer: `/health`), with the package on disk.",
        "",
        *start_table(results["start"]["figures"]),
        "",
        "## Training",
        "The default network, from tiles on disk: decoding, flips, quarter turns and colour jitter, and steps of 16 tiles on all cores. The "
        "peer is PyTorch with MONAI (`benches/peers/train.py`).",
        "",
        *train_table(results["train"]["figures"]),
        "",
        "## Ratios",
        "Each is the median of the ratios of the rounds.",
        "",
        *ratio_table(flat(results)),
    ]
    return "\n".join(lines) + "\n"


def draw(results, path):
    from matplotlib import pyplot

    pyplot.rcParams.update(STYLE)
    forward = {figure["engine"]: figure["ms"] for figure in results["infer"]["figures"] if figure["batch"] == 1}
    panels = [
        ("Forward pass, ms", forward, lambda name: name.startswith("bcs")),
        ("Requests/s, 8 clients", {name: figure["requests_per_second"] for name, figure in results["serve"]["figures"].items()}, None),
        ("Start to ready, s", {name: figure["seconds"] for name, figure in results["start"]["figures"].items()}, None),
        ("Training, images/s", {name: figure["images_per_second"] for name, figure in results["train"]["figures"].items()},
         lambda name: name.startswith("bcs")),
    ]
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 6), layout="constrained")
    for axis, (title, values, is_ours) in zip(axes.flat, panels):
        names = sorted(values, key=values.get, reverse=title.startswith(("Forward", "Start")))
        is_ours = is_ours or (lambda name: name != PEER)
        bars = axis.barh(names, [values[name] for name in names], color=[OURS if is_ours(name) else OTHERS for name in names])
        axis.bar_label(bars, fmt=lambda value: f"{value:.3g}", padding=3)
        axis.set_title(title, loc="left", fontweight="bold")
        axis.margins(x=0.15)
        axis.xaxis.set_visible(False)
        axis.spines["bottom"].set_visible(False)
        axis.tick_params(left=False)
    figure.savefig(path, dpi=130)


def read(path):
    return json.loads(path.read_text()) if path.exists() else {}


def accept(ratios, path):
    baselines = read(path)
    baselines[kind_of_cpu()] = {name: round(ratio, 3) for name, ratio in ratios.items()}
    path.write_text(json.dumps(baselines, indent=1) + "\n")


def check(ratios, path):
    before = read(path).get(kind_of_cpu())
    if before is None:
        print(f"\n{path} has no ratios for this kind of CPU, {kind_of_cpu()}; add these with scripts/bench all --accept true")
        print(json.dumps(ratios, indent=1))
        return
    fallen = [name for name in before if ratios.get(name, 0) < LEAST * before[name]]
    print(f"\n{'':68}{'before':>8}{'now':>8}")
    for name in before:
        print(f"{name:68}{before[name]:>8.2f}{ratios.get(name, 0):>8.2f}{'  worse' if name in fallen else ''}")
    if fallen:
        raise SystemExit(f"bench: {len(fallen)} ratios have fallen by more than a fifth")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--plot", type=pathlib.Path)
    parser.add_argument("--baseline", type=pathlib.Path)
    parser.add_argument("--accept", action="store_true")
    arguments = parser.parse_args()
    results = {name: json.loads((arguments.folder / f"{name}.json").read_text()) for name in BENCHMARKS}
    if arguments.page:
        draw(results, arguments.plot)
        arguments.page.write_text(page(results, arguments.plot))
    if arguments.accept:
        accept(flat(results), arguments.baseline)
    elif arguments.baseline:
        check(flat(results), arguments.baseline)


if __name__ == "__main__":
    main()
