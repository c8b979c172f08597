"""Writes the golden files beside it: what MONAI and PyTorch compute, for the tests of this crate to compare with.

    pip install torch==2.11.0 monai==1.6.1 safetensors
    python make_golden.py            # writes the files
    python make_golden.py --check    # compares the files with what this machine computes, to the byte

- unet_*.safetensors: the parameters that `torch.manual_seed(SEED)` gives a new network, the same network's parameters
  after a disturbance (so that zeros and ones can't hide a mistake), an input and the logits.
- losses*.safetensors, loss_arguments.safetensors: see golden_losses.py and golden_loss_arguments.py.
- metrics.safetensors: masks, and what MONAI's metrics give for them (golden_metrics.py).
- sizes.json: which input shapes MONAI's UNet accepts in training and in inference.
- the files of golden_networks.py and golden_flexible_unet.py: the other networks.
- summaries.json: layer tables (golden_summary.py).
- optim.json: steps of optimizers, and learning rate schedules (golden_optim.py).
- the files of golden_dyn.py: DynUNet, deep supervision, and layers left out.

Rule: a case that bears the name of a MONAI class calls that class.
"""
import argparse
import itertools
import json
import pathlib
import sys
import tempfile

import monai
import torch
from safetensors import safe_open

import golden_dyn
import golden_flexible_unet
import golden_loss_arguments
import golden_losses
import golden_metrics
import golden_networks
import golden_optim
import golden_summary
from golden_file import VERSIONS, save

HERE = pathlib.Path(__file__).parent

NETWORKS = {
    "predecessor": dict(in_channels=3, out_channels=2, channels=[4, 8, 16, 32], strides=[2, 2, 2], num_res_units=2),
    "plain_batch": dict(in_channels=3, out_channels=3, channels=[4, 8, 12], strides=[2, 2], act="RELU", norm="BATCH", dropout=0.1),
    "odd_strides": dict(in_channels=3, out_channels=2, channels=[3, 6, 9, 12], strides=[2, 1, 3], kernel_size=[3, 5], up_kernel_size=5, num_res_units=1),
    "group_leaky": dict(in_channels=3, out_channels=4, channels=[4, 8, 16], strides=[2, 2], num_res_units=3, bias=False,
                        act=["leakyrelu", {"negative_slope": 0.2}], norm=["group", {"num_groups": 2}], adn_ordering="AND"),
    "grey_swish": dict(in_channels=1, out_channels=5, channels=[4, 6, 8], strides=[3, 2], num_res_units=1, act="swish", norm=["instance", {"affine": True}]),
    "two_levels": dict(in_channels=3, out_channels=2, channels=[3, 5], strides=[2], act="MISH", norm="batch", adn_ordering="NA"),
    "elu_norms": dict(in_channels=3, out_channels=2, channels=[4, 8], strides=[2], num_res_units=2, act=["elu", {"alpha": 0.7}], norm=["localresponse", {"size": 3}]),
}


def unet(arguments):
    tuples = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    return monai.networks.nets.UNet(spatial_dims=2, **tuples)


def write_networks(folder):
    for seed, (name, arguments) in enumerate(NETWORKS.items()):
        torch.manual_seed(seed)
        net = unet(arguments)
        tensors = {f"init/{key}": value.clone() for key, value in net.state_dict().items()}
        with torch.no_grad():
            for value in net.state_dict().values():
                if value.is_floating_point():
                    value += 0.3 * torch.rand_like(value)
        tensors |= {f"state/{key}": value.clone() for key, value in net.state_dict().items()}
        image = torch.rand(2, arguments["in_channels"], 24, 48)
        with torch.no_grad():
            tensors |= {"input": image, "logits": net.eval()(image)}
        save(folder / f"unet_{name}.safetensors", tensors, {"arguments": {"spatial_dims": 2} | arguments, "seed": seed})


# Sizes.

SIZED = [
    dict(strides=[2, 2, 2, 2], channels=[2, 2, 2, 2, 2]),
    dict(strides=[2, 2], channels=[2, 4, 6], num_res_units=2),
    dict(strides=[2, 1, 3], channels=[2, 4, 6, 8], num_res_units=1),
    dict(strides=[2], channels=[2, 4]),
    dict(strides=[1], channels=[2, 4], num_res_units=1),
    dict(strides=[[2, 4], 1], channels=[2, 4, 4]),
    dict(strides=[1, 1], channels=[2, 4, 4], num_res_units=1, norm=["group", {"num_groups": 2}]),
    dict(strides=[2, 2], channels=[2, 4, 6], adn_ordering="A"),
    dict(strides=[2, 2], channels=[4, 4, 4], norm=["group", {"num_groups": 4}]),
    dict(strides=[2, 2], channels=[4, 4, 8], norm=["group", {"num_groups": 4}]),
    dict(strides=[2, 2], channels=[4, 8, 8], norm=["group", {"num_groups": 4}]),
    dict(strides=[2, 1], channels=[4, 4, 8], norm=["group", {"num_groups": 4}]),
    dict(strides=[2, 2], channels=[2, 4, 6], norm="BATCH"),
    dict(strides=[2, 2], channels=[2, 4, 6], norm=["batch", {"track_running_stats": False}]),
    dict(strides=[2, 2], channels=[2, 4, 6], norm=["instance", {"track_running_stats": True}]),
    dict(strides=[2, 2], channels=[2, 4, 6], norm=["localresponse", {"size": 3}]),
]


def refused(net, shape):
    try:
        with torch.no_grad():
            output = net(torch.rand(shape))
        assert output.shape[2:] == shape[2:]
        return False
    except ValueError:
        return True


def write_sizes(folder):
    """Sides that are multiples of the product of the strides: MONAI takes others where the levels happen to fit, but gives
    logits of another size than the image."""
    networks = []
    for arguments in SIZED:
        arguments = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2} | arguments
        net = unet({name: value for name, value in arguments.items() if name != "spatial_dims"})
        steps = [step if isinstance(step, list) else [step, step] for step in arguments["strides"]]
        divisor = [int(torch.tensor(side).prod()) for side in zip(*steps)]
        shapes = [[images, 3, rows * divisor[0], columns * divisor[1]]
                  for images, rows, columns in itertools.product([1, 2], [1, 2, 3], [1, 2, 3])]
        result = {}
        for mode in ("train", "eval"):
            getattr(net, mode)()
            result[mode] = [shape for shape in shapes if refused(net, torch.Size(shape))]
        networks.append({"arguments": arguments, "shapes": shapes, "refused": result})
    (folder / "sizes.json").write_text(json.dumps({"networks": networks} | VERSIONS, indent=1) + "\n")


def write(folder):
    write_networks(folder)
    golden_losses.write(folder)
    golden_loss_arguments.write(folder)
    write_sizes(folder)
    golden_metrics.write(folder)
    golden_networks.write(folder)
    golden_flexible_unet.write(folder)
    golden_summary.write(folder)
    golden_optim.write(folder)
    golden_dyn.write(folder)


def largest_difference(old, new):
    """The largest difference between tensors of two safetensors files, relative to the largest value of its tensor where
    that is above 1; None where anything else differs."""
    with safe_open(old, "pt") as a, safe_open(new, "pt") as b:
        if a.metadata() != b.metadata() or sorted(a.keys()) != sorted(b.keys()):
            return None
        pairs = [(a.get_tensor(name).double().nan_to_num(-1), b.get_tensor(name).double().nan_to_num(-1)) for name in a.keys()]
    if any(x.shape != y.shape for x, y in pairs):
        return None
    return max((x - y).abs().max().item() / max(1.0, x.abs().max().item()) for x, y in pairs if x.numel())


def describe(difference):
    match difference:
        case None:
            return "DIFFERS in content"
        case 0:
            return "other bytes, same content"
        case _:
            return f"differs by at most {difference:.3g}"


def check():
    """Compares the files with what this machine computes. Returns whether they agree to the byte or within 1e-5."""
    agree = True
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder)
        for new in sorted(folder.iterdir()):
            old = HERE / new.name
            if old.exists() and old.read_bytes() == new.read_bytes():
                print(f"{new.name}: same bytes")
                continue
            difference = largest_difference(old, new) if old.exists() and new.suffix == ".safetensors" else None
            agree &= difference is not None and difference <= 1e-5
            print(f"{new.name}: {describe(difference)}")
    return agree


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the files with what this machine computes")
    if parser.parse_args().check:
        sys.exit(0 if check() else 1)
    write(HERE)
