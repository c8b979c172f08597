"""Checks imports and exports against the real PyTorch, MONAI, ONNX Runtime and OpenVINO: Python writes weights, bcs imports
and exports them, and Python loads them strictly.

    cargo build -p bcs-model --example export_networks
    python check_exports.py FOLDER --exporter ../../../../target/debug/examples/export_networks

Every network is written in each form in which PyTorch users save parameters. Fails unless the safetensors file and the
TorchScript archive that come back have MONAI's names with bit-equal tensors, the archive gives MONAI's logits at
several sizes and trains, and the ONNX file gives them, and the embeddings of MONAI's bottleneck, in ONNX Runtime and in
OpenVINO. FOLDER must not exist or be empty.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import warnings

import monai
import onnx
import onnxruntime
import openvino
import torch
from safetensors.torch import load_file, save_file

# Name, class, size of the image, arguments.
CASES = [
    ("unet", "UNet", (32, 48), dict(channels=[4, 8, 16], strides=[2, 2], num_res_units=2, norm="batch")),
    ("unet_plain", "UNet", (36, 24), dict(channels=[3, 6, 9], strides=[2, 3], act="swish", norm=["localresponse", {"size": 3}], dropout=0.1)),
    ("attention_unet", "AttentionUnet", (32, 24), dict(channels=[4, 8, 12], strides=[2, 2])),
    ("basic_unet", "BasicUNet", (32, 48), dict(features=[3, 4, 5, 6, 7, 4])),
    ("basic_unet_odd", "BasicUNet", (45, 33), dict(features=[2, 4, 6, 8, 4, 2], upsample="nontrainable", act="PRELU", norm="batch")),
    ("basic_unet_shuffle", "BasicUNet", (63, 50), dict(features=[2, 3, 4, 5, 6, 4], upsample="pixelshuffle", norm=["group", {"num_groups": 1}])),
    ("basic_unet_plus_plus", "BasicUNetPlusPlus", (39, 32), dict(features=[2, 3, 4, 5, 6, 3], upsample="nontrainable")),
    ("seg_res_net", "SegResNet", (24, 40), dict(init_filters=8, blocks_down=[1, 1, 2], blocks_up=[1, 1])),
    ("seg_res_net_shared", "SegResNet", (16, 24), dict(init_filters=4, act="PRELU", norm="instance", blocks_down=[1, 1], blocks_up=[1], upsample_mode="pixelshuffle")),
    ("flexible_unet_res_net", "FlexibleUNet", (64, 32), dict(backbone="resnet10", decoder_channels=[16, 8, 4, 4, 4])),
    ("flexible_unet_efficient_net", "FlexibleUNet", (64, 96), dict(backbone="efficientnet-b0", decoder_channels=[16, 8, 8, 4, 4], upsample="deconv")),
    ("dyn_unet", "DynUNet", (32, 48), dict(kernel_size=[3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2], filters=[4, 8, 16],
                                           deep_supervision=True, deep_supr_num=1)),
]
# Layers that the networks above lack, each in a small UNet.
LAYERS = {
    "instance": dict(norm="instance", act="prelu", num_res_units=2),
    "instance_running": dict(norm=["instance", {"affine": True, "track_running_stats": True}], act=["prelu", {"num_parameters": 4}], channels=[4, 4], out_channels=4),
    "batch_own": dict(norm=["batch", {"track_running_stats": False}], act="elu"),
    "group": dict(norm=["group", {"num_groups": 2}], act="relu6"),
    "selu": dict(act="selu"),
    "celu": dict(act=["celu", {"alpha": 0.7}]),
    "gelu": dict(act="gelu"),
    "gelu_tanh": dict(act=["gelu", {"approximate": "tanh"}]),
    "sigmoid": dict(act="sigmoid"),
    "tanh": dict(act="tanh"),
    "softmax": dict(act=["softmax", {"dim": 1}]),
    "log_softmax": dict(act=["logsoftmax", {"dim": 1}]),
    "swish": dict(act=["swish", {"alpha": 1.5}]),
    "mish": dict(act="mish"),
    "no_layers": dict(act="", norm=""),
}
CASES += [(name, "UNet", (16, 24), dict(channels=[4, 8], strides=[2]) | arguments) for name, arguments in LAYERS.items()]


def build(name, arguments):
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return getattr(monai.networks.nets, name)(**tuples)


def logits(net, image):
    with torch.no_grad():
        output = net(image)
    return output[0] if isinstance(output, (list, tuple)) else output


def bottleneck(net):
    """The module whose output is the bottleneck."""
    if isinstance(net, (monai.networks.nets.UNet, monai.networks.nets.AttentionUnet)):
        return net.get_submodule(max((name for name, _ in net.named_modules() if name.endswith("submodule")), key=len))
    names = {"BasicUNet": "down_4", "BasicUNetPlusPlus": "conv_4_0", "SegResNet": "down_layers", "FlexibleUNet": "encoder", "DynUNet": "bottleneck"}
    module = getattr(net, names[type(net).__name__])
    return module[-1] if isinstance(module, torch.nn.ModuleList) else module


def signs(channel):
    """The lowest bits of a number of SplitMix64, seeded with 0, as signs."""
    bits = (channel + 1) * 0x9E3779B97F4A7C15 % 2**64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    bits ^= bits >> 31
    return [1.0 if bits >> component & 1 else -1.0 for component in range(8)]


def logits_and_embeddings(net, image):
    found = []
    hook = bottleneck(net).register_forward_hook(lambda module, inputs, output: found.append(output))
    theirs = logits(net, image).numpy()
    hook.remove()
    features = found[0][-1] if isinstance(found[0], (list, tuple)) else found[0]
    averages = features.mean((2, 3))
    channels = averages.shape[1]
    return theirs, (averages @ torch.tensor([signs(channel) for channel in range(channels)]) / channels**0.5).numpy()


def converted(state, dtype):
    return {name: value.to(dtype) if value.is_floating_point() else value.clone() for name, value in state.items()}


def forms(net, image):
    """Names of forms, and functions that write the network's parameters to a path."""
    state = net.state_dict()
    yield "state_dict.pt", lambda path: torch.save(state, path)
    yield "float64.pt", lambda path: torch.save(converted(state, torch.float64), path)
    yield "float16.pt", lambda path: torch.save(converted(state, torch.float16), path)
    yield "bfloat16.pt", lambda path: torch.save(converted(state, torch.bfloat16), path)
    yield "data_parallel.pth", lambda path: torch.save({"model_state_dict": torch.nn.DataParallel(net).state_dict(), "epoch": 3}, path)
    yield "lightning.ckpt", lambda path: torch.save(lightning(net), path)
    yield "contiguous.safetensors", lambda path: save_file({name: value.clone().contiguous() for name, value in state.items()}, path)
    yield "scripted_or_traced.ts", lambda path: script(net, image).save(str(path))


def lightning(net):
    """A checkpoint with what Lightning's `Trainer.save_checkpoint` writes, of a module with a loss and a wrapped network."""
    module = torch.nn.Module()
    module.net = torch.nn.DataParallel(net)
    module.loss_fn = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer.step()
    net.load_state_dict(before)
    net.zero_grad()
    return {
        "epoch": 9, "global_step": 1000, "pytorch-lightning_version": "2.5.5", "state_dict": module.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_loop.batch_progress": {"total": {"ready": 100}, "is_last_batch": True}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val_dice', 'mode': 'max', 'every_n_train_steps': 0}": {
            "monitor": "val_dice", "best_model_score": torch.tensor(0.75), "best_model_path": "epoch=9.ckpt", "current_score": None,
            "best_k_models": {"epoch=9.ckpt": torch.tensor(0.75)}, "kth_value": torch.tensor(float("inf"))}},
        "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [{"base_lrs": [1e-3], "last_epoch": 9}],
        "hparams_name": "kwargs", "hyper_parameters": {"lr": 1e-3, "channels": [4, 8], "strides": (2, 2), "loss": "dice"},
    }


def script(net, image):
    try:
        return torch.jit.script(net)
    except Exception:  # MONAI's networks of Python lists are not scriptable
        return torch.jit.trace(net, image)


class Failures(list):
    def check(self, condition, message):
        if not condition:
            self.append(message)
        return condition


def equal(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)


def check_state(failures, name, found, expected):
    failures.check(found.keys() == expected.keys(), f"{name}: the names differ: {sorted(found.keys() ^ expected.keys())[:5]}")
    wrong = [key for key in expected if key in found and not equal(found[key], expected[key])]
    failures.check(not wrong, f"{name}: other values in {wrong[:5]}")


def sizes(size):
    """Batch sizes and image sizes: the exported one, a smaller and a larger one, and odd ones where the network takes them."""
    height, width = size
    yield from [(1, height, width), (3, 2 * height, width), (2, height, 3 * width), (1, height + 1, width), (1, height + 3, width + 2), (1, 2 * height - 1, 2 * width - 1)]


def parameters(net):
    """All parameters by name, those with several names too."""
    return dict(net.named_parameters(remove_duplicate=False))


def check_script(failures, name, path, net, expected, size, channels):
    module = torch.jit.load(path)
    check_state(failures, f"{name} (TorchScript)", module.state_dict(), expected)
    failures.check(parameters(module).keys() == parameters(net).keys(), f"{name}: other parameters than MONAI's")
    net.load_state_dict(expected)
    net.eval()
    accepted, largest = 0, 0.0
    for images, height, width in sizes(size):
        image = torch.rand(images, channels, height, width)
        try:
            theirs = logits(net, image)
        except RuntimeError:
            continue
        if theirs.shape[2:] != image.shape[2:]:
            continue
        accepted += 1
        ours = logits(module, image)
        if failures.check(ours.shape == theirs.shape, f"{name}: the logits of {tuple(image.shape)} have the shape {tuple(ours.shape)}"):
            difference = ((ours - theirs).abs().max() / theirs.abs().max()).item()
            failures.check(difference <= 1e-4, f"{name}: the logits of {tuple(image.shape)} differ by {difference:.3g} of their largest magnitude")
            largest = max(largest, difference)
    failures.check(accepted >= 3, f"{name}: MONAI takes only {accepted} of the sizes")
    image = torch.rand(2, channels, *size)
    module(image).square().mean().backward()
    without = [key for key, parameter in parameters(module).items() if parameter.grad is None]
    output = net(image)
    (output[0] if isinstance(output, (list, tuple)) else output).square().mean().backward()
    expected_without = [key for key, parameter in parameters(net).items() if parameter.grad is None]
    failures.check(sorted(without) == sorted(expected_without), f"{name}: parameters without a gradient: {without[:5]}")
    return largest


def sides(size):
    """Three image sizes, of which the last is odd where the network takes one."""
    height, width = size
    return [(height, width), (2 * height, 3 * width), (height + 3, width + 2), (3 * height, width)]


def check_onnx(failures, name, path, net, channels, size):
    """Returns the largest differences of ONNX Runtime and OpenVINO, relative to the largest value of the output."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    accepted, largest = 0, [0.0, 0.0]
    for height, width in sides(size):
        for images in (1, 3):
            image = torch.rand(images, channels, height, width)
            try:
                expected = logits_and_embeddings(net, image)
            except RuntimeError:
                continue
            accepted += images == 1
            found = compiled(image.numpy())
            for index, outputs in enumerate([session.run(None, {"image": image.numpy()}), [found[0], found[1]]]):
                for output, ours, theirs in zip(("logits", "embedding"), outputs, expected, strict=True):
                    what = f"{name}: {output} of {('ONNX Runtime', 'OpenVINO')[index]} for {tuple(image.shape)}"
                    if failures.check(ours.shape == theirs.shape, f"{what}: shape {ours.shape}"):
                        difference = float(abs(ours - theirs).max() / abs(theirs).max())
                        failures.check(difference <= 1e-4, f"{what} differs by {difference:.3g}")
                        largest[index] = max(largest[index], difference)
    failures.check(accepted >= 3, f"{name}: MONAI takes only {accepted} of the sizes")
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--exporter", required=True)
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    jobs, expected, nets = [], {}, {}
    for seed, (case, network, size, given) in enumerate(CASES):
        given = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2} | given
        torch.manual_seed(seed)
        net = nets[case] = build(network, given).eval()
        with torch.no_grad():
            for value in {value.data_ptr(): value for value in net.state_dict().values()}.values():
                value += (0.03 * torch.rand(value.shape)).to(value.dtype) if value.is_floating_point() else 7
        state = {key: value.clone() for key, value in net.state_dict().items()}
        for form, write in forms(net, torch.rand(1, 3, *size)):
            name = f"{case}.{form.split('.')[0]}"
            write(folder / f"{case}.{form}")
            through = getattr(torch, form.split(".")[0], torch.float32)
            expected[name] = {key: value.to(through).float() if value.is_floating_point() else value for key, value in state.items()}
            jobs.append({"name": name, "network": network, "arguments": given, "weights": f"{case}.{form}", "size": size})
    (folder / "jobs.json").write_text(json.dumps(jobs))
    result = subprocess.run([arguments.exporter, str(folder)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"the exporter ended with {result.returncode}: {result.stderr[-2000:]}")
    failures, largest, of_onnx = Failures(), collections.defaultdict(float), {}
    for job in jobs:
        name, case = job["name"], job["name"].split(".")[0]
        state = load_file(folder / f"{name}.safetensors")
        check_state(failures, f"{name} (safetensors)", state, expected[name])
        build(job["network"], job["arguments"]).load_state_dict(state, strict=True)
        difference = check_script(failures, name, folder / f"{name}.torchscript.pt", nets[case], expected[name], job["size"], 3)
        largest[case] = max(largest[case], difference)
        if name == f"{case}.state_dict":
            of_onnx[case] = check_onnx(failures, name, folder / f"{name}.onnx", nets[case].eval(), 3, job["size"])
    print(f"{'largest difference of the logits':32} TorchScript  ONNX Runtime  OpenVINO")
    for case, difference in largest.items():
        runtime, vino = of_onnx[case]
        print(f"{case:32} {difference:11.1e}  {runtime:12.1e}  {vino:8.1e}")
    print("\n".join(failures) or f"{len(jobs)} imports and exports agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
