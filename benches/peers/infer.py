"""Milliseconds of forward passes in Python: the peers of `scripts/bench infer`.

The network is MONAI's UNet as the predecessor trained it, for images of 224 x 224, on all cores. Each line of the input names
a peer, a batch size and a number of passes: `openvino-float32 8 10`. The answer is a line with the milliseconds of each pass as
a JSON list, from a float32 array to logits.
"""

import json
import os
import pathlib
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")

import monai
import numpy as np
import onnxruntime
import openvino
import torch

SIDE = 224
UNTIMED = 3
CORES = len(os.sched_getaffinity(0))


def network():
    torch.manual_seed(0)
    return monai.networks.nets.UNet(
        spatial_dims=2, in_channels=3, out_channels=2, channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2), num_res_units=2
    ).eval()


def torch_pass(module):
    def run(image):
        with torch.inference_mode():
            return module(torch.from_numpy(image)).numpy()

    return run


def export(folder):
    path = str(folder / "unet.onnx")
    axes = {"image": {0: "images"}}
    torch.onnx.export(network(), torch.rand(1, 3, SIDE, SIDE), path, input_names=["image"], dynamic_axes=axes, dynamo=False)
    return path


def onnx_runtime_pass(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = CORES
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(None, {"image": image})[0]


def openvino_pass(path, precision):
    core = openvino.Core()
    properties = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": CORES, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(path), "CPU", properties).create_infer_request()
    return lambda image: request.infer({0: image})[0]


def timed(run, image, untimed, passes):
    times = []
    for index in range(untimed + passes):
        start = time.perf_counter()
        run(image)
        if index >= untimed:
            times.append((time.perf_counter() - start) * 1e3)
    return times


def main():
    torch.set_num_threads(CORES)
    with tempfile.TemporaryDirectory() as folder:
        path = export(pathlib.Path(folder))
        makers = {
            "eager": lambda: torch_pass(network()),
            "torchscript": lambda: torch_pass(torch.jit.script(network())),
            "onnxruntime": lambda: onnx_runtime_pass(path),
            "openvino-float32": lambda: openvino_pass(path, "f32"),
            "openvino-bfloat16": lambda: openvino_pass(path, "bf16"),
        }
        peers = {}
        for line in sys.stdin:
            name, batch, passes = line.split()
            untimed = 1 if (name, batch) in peers else UNTIMED
            # An engine per batch size: each is specialized for it.
            run = peers.setdefault((name, batch), None) or makers[name]()
            peers[name, batch] = run
            image = np.random.default_rng(0).random((int(batch), 3, SIDE, SIDE), dtype=np.float32)
            print(json.dumps(timed(run, image, untimed, int(passes))), flush=True)


if __name__ == "__main__":
    main()
