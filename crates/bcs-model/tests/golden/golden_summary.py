"""Golden file of the layer tables, summaries.json; make_golden.py calls `write`.

For each network: its modules that have parameters or buffers, as [name, class, shape of the output in inference or null];
numbers of parameters and of buffer elements, and their bytes; and the multiply-accumulate operations that PyTorch counts.
"""
import json

import torch
from torch.utils.flop_counter import FlopCounterMode

from golden_file import VERSIONS
from golden_networks import build

# Class, height and width of the input, arguments.
CASES = [
    ("UNet", (32, 48), dict(in_channels=3, out_channels=2, channels=[16, 32, 64, 128, 256], strides=[2, 2, 2, 2], num_res_units=2)),
    ("UNet", (24, 24), dict(in_channels=1, out_channels=5, channels=[4, 8, 8], strides=[3, 2], norm="batch", bias=False)),
    ("AttentionUnet", (32, 48), dict(in_channels=3, out_channels=2, channels=[16, 32, 64], strides=[2, 2])),
    ("BasicUNet", (33, 47), dict(in_channels=3)),
    ("BasicUNet", (32, 32), dict(in_channels=3, features=[4, 4, 8, 8, 8, 4], norm=["group", {"num_groups": 2}], upsample="deconvgroup")),
    ("BasicUNetPlusPlus", (32, 32), dict(in_channels=3, features=[8, 8, 16, 16, 32, 8])),
    ("SegResNet", (32, 48), dict(in_channels=3)),
    ("SegResNet", (16, 24), dict(in_channels=3, act="PRELU", norm="batch", blocks_down=[1, 1], blocks_up=[1], upsample_mode="deconv")),
    ("SegResNet", (16, 24), dict(in_channels=3, act="PRELU", blocks_down=[1, 1], blocks_up=[1], use_conv_final=False)),
    ("FlexibleUNet", (64, 33), dict(in_channels=3, out_channels=2, backbone="efficientnet-b0")),
    ("FlexibleUNet", (64, 64), dict(in_channels=3, out_channels=4, backbone="resnet18", decoder_channels=[32, 16, 8, 4, 4])),
    ("DynUNet", (32, 48), dict(in_channels=3, out_channels=2, kernel_size=[3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2])),
    ("DynUNet", (32, 32), dict(in_channels=3, out_channels=2, kernel_size=[3, 3, 3, 3], strides=[1, 2, 2, 2], upsample_kernel_size=[2, 2, 2],
                               filters=[4, 6, 8, 8], norm_name="batch", deep_supervision=True, deep_supr_num=2, res_block=True)),
]


# Heads of BasicUNetPlusPlus and DynUNet whose output is not returned in inference.
UNUSED_HEADS = ["final_conv_0_1", "final_conv_0_2", "final_conv_0_3", "deep_supervision_heads"]


def has_tensors(module):
    return any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))


def summary(name, size, arguments):
    arguments = {"spatial_dims": 2} | arguments
    net = build(name, arguments).eval()
    layers = {path: module for path, module in net.named_modules() if has_tensors(module)}
    outputs = {}

    def record(module, inputs, output):
        outputs.setdefault(module, list(output.shape))

    for path, module in layers.items():
        if path.split(".")[0] in UNUSED_HEADS:
            # MONAI computes them and throws the result away.
            module.forward = lambda image: image
        else:
            module.register_forward_hook(record)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(torch.rand(1, arguments.get("in_channels", 1), *size))
    parameters, buffers = list(net.parameters()), list(net.buffers())
    return {
        "network": name, "arguments": arguments, "size": size,
        "parameters": sum(tensor.numel() for tensor in parameters),
        "buffers": sum(tensor.numel() for tensor in buffers),
        "bytes": sum(tensor.numel() * tensor.element_size() for tensor in parameters + buffers),
        "macs": counter.get_total_flops() // 2,
        "layers": [[path, type(module).__name__, outputs.get(module)] for path, module in layers.items()],
    }


def write(folder):
    lines = ",\n".join(json.dumps(summary(*case)) for case in CASES)
    (folder / "summaries.json").write_text(f'{{"cases": [\n{lines}\n],\n"versions": {json.dumps(VERSIONS)}}}\n')
