"""Trains twice with bcs-trainer, and reads back with TensorBoard and the client of Weights & Biases all that it has tracked.

The second run goes on from the checkpoint before the last one, so that the last epoch is repeated.
"""

import argparse
import io
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time
import urllib.request

import yaml
from browser import Browser
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from wandb_server import Server

API_KEY = "0123456789abcdef0123456789abcdef01234567"
PASSWORD = "correct-horse-battery"
EPOCHS = 2
PICTURES = 5
SMALL = [
    "data.root=tissue",
    "data.label_map=bcss-22-tumor",
    "model_hyp.channels=[4,8,16]",
    "model_hyp.strides=[2,2]",
    f"train_hyp.max_epochs={EPOCHS}",
    "train_hyp.device=cpu",
    "train_hyp.model_repo_location=models",
    "train_hyp.wandb_enabled=true",
    f"+evidently.password={PASSWORD}",
]


def train(trainer, folder, *overrides):
    variables = {
        "WANDB_API_KEY": API_KEY,
        "WANDB_PROJECT": "tissue",
        "WANDB_TAGS": "synthetic, small",
        "WANDB_NOTES": "A test.",
        "WANDB_RUN_GROUP": "tests",
        "WANDB_NAME": "two epochs",
    }
    result = subprocess.run(
        [trainer, *SMALL, *overrides], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "warning" not in result.stderr, result.stderr
    return result.stdout


def outputs(folder):
    return sorted(path.parent for path in folder.glob("outputs/*/*/metrics.jsonl"))


def saved_config(output):
    """The saved configuration with the interpolations of the built-in files resolved, as it is tracked."""
    config = yaml.safe_load((output / ".hydra/config.yaml").read_text())
    hyp = config["train_hyp"]
    for name in ("train_img", "train_mask", "validation_img", "validation_mask"):
        hyp[f"{name}_location"] = hyp[f"{name}_location"].replace("${data.root}", config["data"]["root"])
    return config


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def expected_scalars(output, first_output):
    """What the JSON lines say: values by tag and step."""
    scalars = {}
    steps = {line["step"]: line for line in lines(first_output / "steps.jsonl") + lines(output / "steps.jsonl")}
    for step, line in steps.items():
        for name in ("loss", "learning_rate", "gradient_norm"):
            scalars.setdefault(f"train/{name}", {})[step] = line[name]
    for line in lines(output / "metrics.jsonl"):
        values = {"epoch": line["epoch"], "val_metric": line["val_metric"], "train/loss_epoch": line["loss"]}
        for score in ("val_dice", "val_iou"):
            values |= {f"{score}/{name}": value for name, value in line[score].items() if value is not None}
        for tag, value in values.items():
            scalars.setdefault(tag, {})[line["step"]] = value
    return scalars


def flat(value, key=""):
    if isinstance(value, dict) and value:
        return {k: v for name, part in value.items() for k, v in flat(part, f"{key}.{name}" if key else name).items()}
    return {key: value}


def parameters(model):
    """Numbers of values of the parameters of a safetensors file."""
    data = model.read_bytes()
    header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    counts = {}
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["dtype"] == "F32":
            counts[name] = 1
            for side in tensor["shape"]:
                counts[name] *= side
    return counts


def close(found, expected, tolerance):
    return abs(found - expected) <= tolerance * max(1e-3, abs(expected))


def check_scalars(found, scalars, tolerance):
    for tag, values in scalars.items():
        assert sorted(found[tag]) == sorted(values), f"{tag}: steps {sorted(found[tag])}, not {sorted(values)}"
        for step, value in values.items():
            assert close(found[tag][step], value, tolerance), f"{tag} at {step}: {found[tag][step]}, not {value}"
    for tag in ("speed/images_per_second", "speed/data_wait_share"):
        assert len(found[tag]) == EPOCHS and all(value >= 0 for value in found[tag].values()), tag
    assert all(value <= 1 for value in found["speed/data_wait_share"].values())


def check_tensorboard(logs, scalars, first_config, config, counts):
    events = EventAccumulator(str(logs), size_guidance={"scalars": 0, "images": 0, "histograms": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    found = {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in tags["scalars"]}
    check_scalars(found, scalars, 1e-6)
    for name in ("cpu", "memory_percent", "proc.memory.rssMB"):
        assert found[f"system/{name}"], f"system/{name} is missing"

    assert sorted(tags["images"]) == [f"validation/{place}" for place in range(PICTURES)], tags["images"]
    for tag in tags["images"]:
        for image in events.Images(tag):
            picture = Image.open(io.BytesIO(image.encoded_image_string))
            assert picture.size == (image.width, image.height) == (3 * 64 + 2 * 4, 64), picture.size

    histograms = {f"parameters/{name}": count for name, count in counts.items()}
    assert sorted(tags["histograms"]) == sorted(histograms)
    for tag, count in histograms.items():
        values = events.Histograms(tag)
        assert len(values) == EPOCHS, f"{tag} has {len(values)} histograms"
        for event in values:
            histogram = event.histogram_value
            assert histogram.num == sum(histogram.bucket) == count, tag
            assert histogram.bucket_limit[-1] == histogram.max >= histogram.min

    texts = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("config")]
    shown = yaml.safe_load(re.fullmatch(r"```yaml\n(.*)```", texts[-1], re.DOTALL)[1])
    assert flat(shown) == flat(config), set(map(str, flat(shown).items())) ^ set(map(str, flat(config).items()))

    plugin = events.PluginTagToContent("hparams")
    # TensorBoard shows those of the first process.
    start = plugin_data_pb2.HParamsPluginData.FromString(plugin["_hparams_/session_start_info"]).session_start_info
    hparams = {key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()}
    text = {key: value if isinstance(value, (bool, int, float, str)) else json.dumps(value, separators=(",", ":"))
            for key, value in flat(first_config).items()}
    assert hparams == text, set(hparams.items()) ^ set(text.items())
    end = plugin_data_pb2.HParamsPluginData.FromString(plugin["_hparams_/session_end_info"]).session_end_info
    assert end.status == 1, end
    print(f"TensorBoard: {sum(map(len, found.values()))} values of {len(found)} scalars, {len(tags['images'])} pictures, "
          f"{len(histograms)} histograms, {len(hparams)} hyperparameters")


def get(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def browse(logs, picture, scalars):
    """Starts TensorBoard and looks at it with a browser."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--port", "0", "--host", "127.0.0.1"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        url = None
        for line in server.stderr:
            if match := re.search(r"http://[\d.:]+/", line):
                url = match[0]
                break
        assert url, "TensorBoard does not start"
        deadline = time.monotonic() + 60
        while not (tags := get(f"{url}data/plugin/scalars/tags")) and time.monotonic() < deadline:
            time.sleep(0.2)
        (shown,) = tags.values()
        assert set(scalars) <= set(shown), set(scalars) - set(shown)
        (run,) = tags
        for tag, values in scalars.items():
            points = get(f"{url}data/plugin/scalars/scalars?run={urllib.request.quote(run, safe='')}&tag={urllib.request.quote(tag, safe='')}")
            assert [point[1] for point in points] == sorted(values), tag
        assert get(f"{url}data/plugin/images/tags") and get(f"{url}data/plugin/histograms/tags")
        query = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": [], "aggregationType": "AGGREGATION_AVG", "startIndex": 0, "sliceSize": 9}
        groups = get(f"{url}data/plugin/hparams/session_groups", query)["sessionGroups"]
        metrics = {value["name"]["tag"]: value["value"] for value in groups[0]["metricValues"]}
        best = scalars["val_metric"]
        assert close(metrics["val_metric"], best[max(best)], 1e-6), metrics
        if chromium := shutil.which("chromium"):
            look(chromium, url, picture)
        else:
            print("TensorBoard: there is no chromium, so that no picture is taken")
    finally:
        server.kill()
        server.wait()


def look(chromium, url, picture):
    """Takes a picture of curves and tiles in TensorBoard."""
    shown = ["train/gradient_norm", "train/loss", "val_dice/tumour", "val_iou/tumour", "val_metric", "validation/0"]
    tags = urllib.request.quote("|".join(f"^{tag}$" for tag in shown))
    with Browser(chromium, (1500, 1150)) as browser:
        browser.open(f"{url}?smoothing=0&tagFilter={tags}#timeseries")
        # Each card has a curve or a picture.
        browser.wait_for("document.querySelectorAll('card-view line-chart svg, card-view img').length >= 6")
        browser.evaluate("[...document.querySelectorAll('button')].find(it => it.innerText.includes('Settings')).click()")
        browser.wait_for("[...document.querySelectorAll('card-view img')].every(it => it.complete && it.naturalWidth > 0)")
        texts = browser.evaluate("[...document.querySelectorAll('card-view')].map(it => it.innerText.replaceAll('\\n', ''))")
        assert all(any(tag in text for text in texts) for tag in shown), texts
        # The curves are drawn by a worker in the frames after.
        time.sleep(3)
        browser.screenshot(picture)
    print(f"TensorBoard: picture in {picture}")


def check_wandb(runs, scalars, config, counts, home):
    """Sends the folders of a run with `wandb sync`, and checks what arrives."""
    with Server() as server:
        variables = {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": API_KEY, "HOME": str(home), "WANDB_ERROR_REPORTING": "false"}
        command = [pathlib.Path(sys.executable).with_name("wandb"), "sync", *runs]
        result = subprocess.run(command, cwd=home, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120)
        finished = result.stderr.count("Finished syncing")
        assert result.returncode == 0 and finished == len(runs), result.stdout + result.stderr
        rows = [json.loads(line) for _, line in sorted(server.streams["wandb-history.jsonl"].items())]
        steps = [row["_step"] for row in rows]
        assert steps == sorted(set(steps)), f"steps {steps}"
        found = {}
        for row in rows:
            for key, value in row.items():
                found.setdefault(key, {})[row["_step"]] = value
        check_scalars(found, scalars, 0)
        for tag, count in counts.items():
            for histogram in found[f"parameters/{tag}"].values():
                assert sum(histogram["values"]) == count and len(histogram["bins"]) == len(histogram["values"]) + 1, tag

        masks = 0
        for pictures in found["validation"].values():
            assert pictures["_type"] == "images/separated" and pictures["count"] == PICTURES, pictures
            for path, masks_of_picture in zip(pictures["filenames"], pictures["all_masks"]):
                image = Image.open(io.BytesIO(server.uploads[path]))
                assert image.size == (pictures["width"], pictures["height"]) == (64, 64)
                for name in ("ground_truth", "prediction"):
                    mask = Image.open(io.BytesIO(server.uploads[masks_of_picture[name]["path"]]))
                    assert mask.mode == "L" and mask.size == image.size
                    masks += 1

        upsert = server.upserts[0]
        given = {"project": "tissue", "groupName": "tests", "displayName": "two epochs", "notes": "A test.", "tags": ["synthetic", "small"]}
        assert {key: upsert[key] for key in given} == given, upsert
        assert len({upsert["name"] for upsert in server.upserts}) == 1, "the run that goes on is another one"
        sent = {key: part["value"] for key, part in json.loads(server.upserts[-1]["config"]).items()}
        labels = sent.pop("_wandb")["mask/class_labels"]["validation_wandb_delimeter_prediction"]["value"]
        assert "tumour" in labels.values(), labels
        # The client leaves out empty maps.
        expected = {key: value for key, value in flat(config).items() if value != {}}
        assert flat(sent) == expected, set(flat(sent)) ^ set(expected)

        stats = [json.loads(line) for line in server.streams["wandb-events.jsonl"].values()]
        for key in ("system.cpu", "system.memory_percent", "system.proc.memory.rssMB"):
            assert any(key in line for line in stats), f"{key} is missing"
        printed = "\n".join(server.streams["output.log"].values())
        assert "epoch 01" in printed and "package" in printed, printed
        assert server.exit_codes[-1] == 0, server.exit_codes
        print(f"Weights & Biases: {len(runs)} folders, {len(rows)} rows, {len(found)} keys, {masks} masks, {len(server.uploads)} "
              f"files, {len(flat(sent))} values of the configuration")


def check_secrets(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and "home" not in path.parts]
    for secret in (API_KEY, PASSWORD):
        holders = [path for path in files if secret.encode() in path.read_bytes()]
        assert not holders, f"{secret} is in {holders}"
    print(f"Secrets: in none of {len(files)} files")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trainer", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path, help="an empty folder")
    arguments = parser.parse_args()
    trainer, folder = arguments.trainer.resolve(), arguments.folder.resolve()
    synthesize = ["synthesize", "--output", "tissue", "--slides", "6", "--tiles", "6", "--size", "64"]
    subprocess.run([trainer, *synthesize], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    train(trainer, folder)
    (run,) = (folder / "models").iterdir()
    for finished in run.glob("best_model*"):
        shutil.rmtree(finished)
    shutil.rmtree(run / "checkpoints" / "last")
    printed = train(trainer, folder, "train_hyp.resume=auto")

    first, second = outputs(folder)
    assert lines(first / "metrics.jsonl") == lines(second / "metrics.jsonl")
    scalars = expected_scalars(second, first)
    identity = json.loads((run / "tracking.json").read_text())
    first_config, config = saved_config(first), saved_config(second)
    counts = parameters(next(run.glob("best_model*/model.safetensors")))
    logs = pathlib.Path(identity["tensorboard"])
    check_tensorboard(logs, scalars, first_config, config, counts)
    browse(folder / "outputs", folder / "tensorboard.png", scalars)
    assert f"wandb sync {pathlib.Path(identity['wandb'][-1]).relative_to(folder)}" in printed, printed
    home = folder / "home"
    home.mkdir()
    check_wandb(identity["wandb"], scalars, config, counts, home)
    check_secrets(folder)


if __name__ == "__main__":
    main()
