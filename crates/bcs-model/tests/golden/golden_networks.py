"""Golden files of the networks other than UNet; make_golden.py calls `write`.

- <network>_<case>.safetensors: the parameters that `torch.manual_seed(SEED)` gives a new network, the same network's
  parameters after a disturbance, an input, its logits in inference, and, where the case has neither dropout nor another
  random number, its logits and buffers after one forward pass in training.
- network_sizes.json: which input shapes the networks accept in training and in inference.
"""
import itertools
import json

import monai
import torch
from safetensors.torch import save_file

VERSIONS = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}

# Class, file's prefix, and cases: name, shape of the input, arguments.
NETWORKS = {
    "AttentionUnet": ("attention_unet", [
        ("defaults", (2, 3, 24, 16), dict(in_channels=3, out_channels=2, channels=[4, 8, 12], strides=[2, 2])),
        ("odd_strides", (1, 1, 27, 30), dict(in_channels=1, out_channels=3, channels=[3, 5, 6, 7], strides=[3, [1, 2], 1], kernel_size=[3, 5], up_kernel_size=5,
                                             dropout=0.2)),
        ("two_levels", (2, 3, 10, 15), dict(in_channels=3, out_channels=4, channels=[2, 9], strides=[5], kernel_size=1, up_kernel_size=[1, 7])),
    ]),
    "BasicUNet": ("basic_unet", [
        ("defaults", (1, 3, 33, 47), dict(in_channels=3, features=[3, 4, 5, 6, 7, 4])),
        ("pixelshuffle", (2, 1, 21, 38), dict(out_channels=3, features=[2, 3, 4, 5, 6, 4], act="PRELU", norm="batch", bias=False, upsample="pixelshuffle")),
        ("nontrainable", (1, 3, 18, 35), dict(in_channels=3, features=[4, 2, 4, 6, 8, 2], act="swish", norm=["group", {"num_groups": 2}], dropout=0.1,
                                              upsample="nontrainable")),
        ("deconvgroup", (2, 1, 16, 31), dict(features=[2, 3, 4, 5, 6, 3], norm="BATCH", upsample="deconvgroup")),
    ]),
    "SegResNet": ("seg_res_net", [
        ("defaults", (2, 3, 18, 22), dict(in_channels=3, blocks_down=[1, 1], blocks_up=[1])),
        ("prelu_deconv", (1, 1, 24, 32), dict(init_filters=2, dropout_prob=0.2, act="PRELU", norm="instance", blocks_down=[1, 2, 0], blocks_up=[1, 2],
                                              upsample_mode="deconv")),
        ("batch_pixelshuffle", (2, 3, 14, 20), dict(init_filters=3, in_channels=3, norm="batch", blocks_down=[1, 1], blocks_up=[0], use_conv_final=False,
                                                    upsample_mode="pixelshuffle")),
        ("one_level", (2, 3, 13, 17), dict(init_filters=4, in_channels=3, out_channels=5, act=["elu", {"alpha": 0.5}], norm_name="GROUP", num_groups=2,
                                           blocks_down=[2], blocks_up=[])),
    ]),
    "BasicUNetPlusPlus": ("basic_unet_plus_plus", [
        ("defaults", (1, 3, 33, 35), dict(in_channels=3, features=[2, 3, 4, 5, 6, 3])),
        ("batch_nontrainable", (2, 1, 20, 37), dict(out_channels=3, features=[2, 2, 3, 4, 5, 3], act="RELU", norm="BATCH", bias=False, upsample="nontrainable")),
        ("group_pixelshuffle", (1, 1, 17, 32), dict(features=[2, 4, 2, 4, 2, 2], act=["prelu", {"init": 0.1}], norm=["group", {"num_groups": 2}], dropout=0.3,
                                                    upsample="pixelshuffle")),
    ]),
}

SIZED = [
    ("AttentionUnet", dict(channels=[2, 4, 6], strides=[2, 2])),
    ("AttentionUnet", dict(channels=[2, 4, 6], strides=[3, 1])),
    ("AttentionUnet", dict(channels=[2, 4, 6], strides=[1, [1, 2]])),
    ("AttentionUnet", dict(channels=[2, 4], strides=[1])),
    ("BasicUNet", dict(features=[2] * 6)),
    ("BasicUNet", dict(features=[2] * 6, norm="batch")),
    ("BasicUNet", dict(features=[4] * 6, norm=["group", {"num_groups": 4}])),
    ("BasicUNet", dict(features=[2] * 6, norm=["localresponse", {"size": 3}], upsample="nontrainable")),
    ("SegResNet", dict(blocks_down=[1, 1, 1], blocks_up=[1, 1])),
    ("SegResNet", dict(init_filters=2, norm="instance", blocks_down=[1, 1, 1], blocks_up=[1, 1])),
    ("SegResNet", dict(init_filters=2, norm="instance", blocks_down=[1, 0], blocks_up=[1])),
    ("SegResNet", dict(init_filters=2, norm="batch", blocks_down=[1, 1], blocks_up=[0])),
    ("SegResNet", dict(init_filters=4, norm=["group", {"num_groups": 4}], blocks_down=[0], blocks_up=[])),
    ("SegResNet", dict(init_filters=4, norm=["group", {"num_groups": 4}], blocks_down=[0], blocks_up=[], use_conv_final=False)),
    ("BasicUNetPlusPlus", dict(features=[2] * 6)),
    ("BasicUNetPlusPlus", dict(features=[2] * 6, norm="batch")),
]


def build(name, arguments):
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return getattr(monai.networks.nets, name)(**tuples)


def run(net, image):
    """The main logits: with deep supervision, BasicUNetPlusPlus returns them last in a list, DynUNet first in a stack."""
    with torch.no_grad():
        output = net(image)
    if isinstance(output, list):
        return output[-1]
    return output[:, 0] if output.dim() == 5 else output


def add_noise(net):
    with torch.no_grad():
        # A shared tensor has several names and is disturbed once.
        for value in {value.data_ptr(): value for value in net.state_dict().values()}.values():
            if value.is_floating_point():
                value += 0.3 * torch.rand_like(value)


def write_network(folder, name, prefix, case, shape, arguments, seed, disturb=add_noise):
    arguments = {"spatial_dims": 2} | arguments
    torch.manual_seed(seed)
    net = build(name, arguments)
    tensors = {f"init/{key}": value.clone() for key, value in net.state_dict().items()}
    disturb(net)
    tensors |= {f"state/{key}": value.clone() for key, value in net.state_dict().items()}
    image = torch.rand(shape)
    tensors |= {"input": image, "logits": run(net.eval(), image)}
    if not tensors["logits"].isfinite().all():
        raise ValueError("the logits are not finite")
    # EfficientNet drops connections at random in training.
    if not arguments.get("dropout", arguments.get("dropout_prob")) and not arguments.get("backbone", "").startswith("efficientnet"):
        tensors["trained/logits"] = run(net.train(), image)
        tensors |= {f"trained/{key}": value.clone() for key, value in net.named_buffers()}
    contiguous = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
    description = {"network": name, "arguments": arguments, "seed": seed} | VERSIONS
    save_file(contiguous, folder / f"{prefix}_{case}.safetensors", metadata={"golden": json.dumps(description)})


def write_networks(folder):
    for index, (name, (prefix, cases)) in enumerate(NETWORKS.items()):
        for seed, (case, shape, arguments) in enumerate(cases, 100 * (index + 1)):
            write_network(folder, name, prefix, case, shape, arguments, seed)


def refused(net, shape):
    try:
        return run(net, torch.rand(shape)).shape[2:] != torch.Size(shape[2:])
    except (ValueError, RuntimeError):
        return True


def sides(name, arguments):
    """Heights and widths to try: small multiples of the divisor, or for networks that pad, sizes around the least ones."""
    if name.startswith("Basic"):
        return [[1, 15, 16, 17, 31, 32, 33]] * 2
    if name == "SegResNet":
        divisor = [2 ** (len(arguments["blocks_down"]) - 1)] * 2
    else:
        steps = [step if isinstance(step, list) else [step, step] for step in arguments["strides"]]
        divisor = [int(torch.tensor(side).prod()) for side in zip(*steps)]
    return [[count * side for count in (1, 2, 3)] for side in divisor]


def write_sizes(folder):
    networks = []
    for name, arguments in SIZED:
        arguments = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2} | arguments
        net = build(name, arguments)
        shapes = [[images, 3, height, width] for images, height, width in itertools.product([1, 2], *sides(name, arguments))]
        result = {mode: [shape for shape in shapes if refused(getattr(net, mode)(), shape)] for mode in ("train", "eval")}
        networks.append({"network": name, "arguments": arguments, "shapes": shapes, "refused": result})
    (folder / "network_sizes.json").write_text(json.dumps({"networks": networks} | VERSIONS) + "\n")


def write(folder):
    write_networks(folder)
    write_sizes(folder)
