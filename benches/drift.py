"""Drift of bcs and of its peer in turns, for `scripts/bench drift`.

    python benches/drift.py --monitor PROGRAM --python PROGRAM --tiles DIR [--rounds 3] [--output FILE.json] [--page FILE.md]
        [--rows 1000000] [--records 100000,1000000]

DIR has the PNG files that are compared, one half with the other. In each round both sides measure features and make a report;
then bcs compares tables in CSV and Parquet, and the records of predictions, which are drawn. The table shows medians and their
range over the rounds; memory is the peak of the process.
"""

import argparse
import datetime
import hashlib
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid

from infer import machine

COLUMNS = 20
TILES_OF_A_CASE = 500
PRESETS = ("clustered", "evidently")
FORMATS = ("csv", "parquet")
FEATURES_OF_A_RECORD = 28
VERSION = "train-2026-11-20_09-15-00-epoch=07-1f2e3d4c"


class Usage:
    """Seconds, peak memory and output of a process."""

    def __init__(self, command, **variables):
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            start = time.perf_counter()
            process = subprocess.Popen(list(map(str, command)), env=os.environ | variables, stdout=output, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            self.seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            self.megabytes = usage.ru_maxrss / 1000
            output.seek(0)
            errors.seek(0)
            self.output = output.read()
            if process.returncode != 0:
                raise SystemExit(f"bench: {command[0]} ended with {process.returncode}\n{errors.read()}{self.output}")


def halves(tiles, work):
    """Two folders with the even and the odd tiles, at most 500 each."""
    files = sorted(pathlib.Path(tiles).rglob("*.png"))[:1000]
    if len(files) < 20:
        raise SystemExit(f"bench: {tiles} has {len(files)} PNG files; at least 20 are needed")
    folders = [work / "reference", work / "current"]
    for folder in folders:
        folder.mkdir()
    for at, file in enumerate(files):
        (folders[at % 2] / f"{at:04}-{file.name}").symlink_to(file.resolve())
    return folders, len(files)


def ours(monitor, folders, work):
    """Seconds of the features, and of the whole from images to report."""
    tables = [work / "reference.json", work / "current.json"]
    seconds = [Usage([monitor, "reference", "--images", folder, "--output", table]).seconds for folder, table in zip(folders, tables)]
    report = Usage([monitor, "compare", "--reference", tables[0], "--current", tables[1], "--output", work / "ours"])
    return sum(seconds), sum(seconds) + report.seconds


def peer(python, folders, work):
    usage = Usage([python, pathlib.Path(__file__).parent / "peers/drift.py", *folders, work / "peer.html"])
    return json.loads(usage.output.splitlines()[-1])["seconds"]["features"], usage.seconds


def write_tables(rows, work):
    """Two tables of random features, in both formats, with cases of 500 rows."""
    import numpy
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    for seed, side in enumerate(("a", "b")):
        draw = numpy.random.default_rng(seed)
        case = numpy.arange(rows) // TILES_OF_A_CASE
        columns = {"case": pyarrow.array([f"{side}{number:05}" for number in case])}
        for column in range(COLUMNS):
            centres = draw.normal(0.5, 0.1, case[-1] + 1)
            columns[f"feature_{column:02}"] = pyarrow.array(centres[case] + draw.normal(0, 0.05, rows))
        table = pyarrow.table(columns)
        pyarrow.csv.write_csv(table, work / f"{side}.csv")
        pyarrow.parquet.write_table(table, work / f"{side}.parquet")


def features(draw):
    return {f"feature_{number:02}": draw.gauss(number, 1) for number in range(FEATURES_OF_A_RECORD)}


def write_package(folder):
    """A model package with a drift reference of 100 cases."""
    draw = random.Random(1)
    rows = [features(draw) for _ in range(2000)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    image = {"cases": [f"reference-{row // 20}" for row in range(len(rows))], "features": columns}
    reference = {"format_version": 2, "model_version": VERSION, "image": image, "model": {"cases": [], "features": {}}}
    text = json.dumps(reference).encode()
    sums = {"reference.json": hashlib.sha256(text).hexdigest()}
    folder.mkdir()
    (folder / "reference.json").write_bytes(text)
    (folder / "metadata.json").write_text(json.dumps({"version": VERSION, "architecture": {"name": "UNet"}, "files": sums}))


def write_records(count, folder):
    """Records of predictions of the last twenty hours, 500 of a case."""
    draw = random.Random(2)
    start = time.time() - 20 * 3600
    for number in range(count):
        seconds = start + 20 * 3600 * number / count
        key = uuid.UUID(int=(int(seconds * 1000) << 80) | (7 << 76) | (draw.getrandbits(12) << 64) | (2 << 62) | draw.getrandbits(62))
        moment = datetime.datetime.fromtimestamp(int(seconds * 1000) / 1000, datetime.timezone.utc)
        day = folder / f"records/date={moment:%Y-%m-%d}"
        if number == 0 or not day.is_dir():
            day.mkdir(parents=True, exist_ok=True)
        record = {
            "format_version": 2,
            "id": str(key),
            "time": moment.isoformat().replace("+00:00", "Z"),
            "model_version": VERSION,
            "case": f"case-{number // 500}",
            "input": {"sha256": f"{draw.getrandbits(256):064x}", "bytes": 1, "format": "png", "width": 224, "height": 224},
            "features": features(draw),
            "classes": [],
            "confidence": 0.9,
            "entropy": 0.1,
            "mask": f"masks/{key}.png",
            "latency_ms": 10.0,
        }
        (day / f"{key}.json").write_text(json.dumps(record))


def measure_records(monitor, count, rounds, work):
    """Runs over records, each with reports of its own."""
    predictions = work / "predictions"
    write_records(count, predictions)
    usages = []
    for number in range(rounds):
        folders = {"MODEL_PATH": str(work / "model"), "PREDICTIONS_BUCKET": str(predictions)}
        usage = Usage([monitor, "run"], REPORTS_BUCKET=str(work / f"reports-{count}-{number}"), RUST_LOG="error", **folders)
        usages.append(usage)
    shutil.rmtree(predictions)
    return usages


def line(title, values, unit, limit=None):
    spread = f"{min(values):.2f}-{max(values):.2f}"
    wanted = f"   wanted: below {limit:g} {unit}" if limit else ""
    print(f"{title:44}{statistics.median(values):>10.2f} {unit:3}{spread:>18}{wanted}", flush=True)
    median = statistics.median(values)
    return {"what": title, "unit": unit, "median": median, "least": min(values), "most": max(values), "wanted": limit}


def page(summary):
    """The figures as Markdown."""
    number = lambda value, unit: f"{value:.0f}" if unit == "MB" else f"{value:.2f}"
    lines = [
        "# Speed of the drift monitor",
        f"Written by `scripts/bench drift --page true`, on {summary['machine']}, {summary['day']}. Ratios carry over to other",
        f"machines, times do not. Each figure is the median of {summary['rounds']} rounds, in which bcs and its peer take turns, with",
        "the range of the rounds; memory is the peak of the process.",
        "",
        "## Images",
        f"The peer is what the monitor replaces: the grey mean of each tile by MONAI, and Evidently's report on it, in Python. bcs",
        f"measures all features. {summary['tiles']} tiles, one half against the other.",
        "",
        "| | times as fast as the peer | wanted |",
        "|---|--:|--:|",
    ]
    lines += [f"| {ratio['what']} | {ratio['ratio']:.1f} | {ratio['wanted']} |" for ratio in summary["ratios"]]
    lines += ["", "## Times and memory", "| | median | rounds | wanted |", "|---|--:|--:|--:|"]
    for figure in summary["figures"]:
        unit = figure["unit"]
        values = [number(figure[key], unit) for key in ("median", "least", "most")]
        wanted = f"below {figure['wanted']:g} {unit}" if figure["wanted"] else ""
        lines.append(f"| {figure['what']} | {values[0]} {unit} | {values[1]} to {values[2]} | {wanted} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monitor", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--tiles", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--records", default="100000,1000000")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path)
    arguments = parser.parse_args()
    monitor = pathlib.Path(arguments.monitor).resolve()
    figures, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        folders, count = halves(arguments.tiles, work)
        sides = {"bcs": [], "peer": []}
        for _ in range(arguments.rounds):
            sides["bcs"].append(ours(monitor, folders, work))
            sides["peer"].append(peer(arguments.python, folders, work))
        print(f"\n{machine()}, {count} tiles\n\n{'':44}{'median':>14}{'of the rounds':>18}")
        for step, title in enumerate(("features", "images to report")):
            for side, what in (("bcs", "all"), ("peer", "the grey mean")):
                of = f" ({what})" if step == 0 else ""
                figures.append(line(f"{title}, {side}{of}", [round[step] for round in sides[side]], "s"))
            of_rounds = [theirs[step] / mine[step] for mine, theirs in zip(sides["bcs"], sides["peer"])]
            ratios.append({"what": title, "ratio": statistics.median(of_rounds), "wanted": (5, 15)[step]})
        # In a process of its own: the peak memory of a process includes that of the one that starts it.
        writer = multiprocessing.get_context("spawn").Process(target=write_tables, args=(arguments.rows, work))
        writer.start()
        writer.join()
        for kind in FORMATS:
            for preset in PRESETS:
                command = [monitor, "compare", "--reference", work / f"a.{kind}", "--current", work / f"b.{kind}", "--preset", preset]
                usages = [Usage([*command, "--output", work / "out"]) for _ in range(arguments.rounds)]
                title = f"compare {arguments.rows} rows, {kind}, {preset}"
                figures.append(line(title, [usage.seconds for usage in usages], "s", 5))
                figures.append(line(f"{title}, memory", [usage.megabytes for usage in usages], "MB", 500))
        write_package(work / "model")
        for records in map(int, arguments.records.split(",")):
            usages = measure_records(monitor, records, arguments.rounds, work)
            small = records <= 100_000
            figures.append(line(f"run over {records} records", [usage.seconds for usage in usages], "s", 2 if small else None))
            memory = [usage.megabytes for usage in usages]
            figures.append(line(f"run over {records} records, memory", memory, "MB", 300 if small else 500))
    print()
    for ratio in ratios:
        print(f"{ratio['what']}: {ratio['ratio']:.1f} times as fast as the peer, median of the rounds; wanted: {ratio['wanted']}")
    summary = {"machine": machine(), "day": f"{datetime.date.today():%-d %B %Y}", "rounds": arguments.rounds, "tiles": count}
    summary |= {"figures": figures, "ratios": ratios}
    if arguments.page:
        arguments.page.write_text(page(summary))
    if arguments.output:
        arguments.output.write_text(json.dumps(summary, indent=1) + "\n")


if __name__ == "__main__":
    main()
