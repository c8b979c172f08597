"""Golden files of FlexibleUNet; make_golden.py calls `write`. The networks are too large to store their parameters:

- flexible_unet.safetensors: for each case of CASES the statistics (mean, standard deviation, first value) of every tensor
  that `torch.manual_seed(seed)` gives a new network, the logits in inference after the disturbance of `disturb`, and
  logits and statistics of the buffers after one forward pass in training. Of the logits every third row and column.
- flexible_unet.json: for each backbone a digest of the names and shapes of its tensors, and sums that change if another
  random number is drawn; and for some backbones the size of the logits by the size of the image, null where MONAI refuses.
- encoder_names.json: names and shapes of the pretrained weights that MONAI downloads, and of others for the same encoder.
"""
import hashlib
import json
import re

import torch
from monai.networks.nets import EfficientNetBN, FlexibleUNet, resnet10
from monai.networks.nets.flexible_unet import FLEXUNET_BACKBONE

from golden_file import VERSIONS, save

# Name, shape of the input, arguments; the seed is the index.
CASES = [
    ("b0", (2, 3, 64, 64), dict(backbone="efficientnet-b0")),
    ("b1_odd", (2, 3, 66, 97), dict(backbone="efficientnet-b1", norm="instance", act="PRELU")),
    ("b3_odd", (2, 3, 42, 73), dict(backbone="efficientnet-b3", decoder_channels=[48, 31, 17, 9, 5], upsample="pixelshuffle")),
    ("b0_odd", (2, 3, 51, 78), dict(backbone="efficientnet-b0", interp_mode="bilinear", dropout=0.2)),
    ("b0_no_pad", (2, 1, 64, 32), dict(backbone="efficientnet-b0", in_channels=1, out_channels=3, upsample="pixelshuffle", is_pad=False)),
    ("b0_deconv", (2, 3, 70, 68), dict(backbone="efficientnet-b0", decoder_channels=[32, 24, 16, 8, 4], decoder_bias=True, upsample="deconv",
                                       norm=["group", {"num_groups": 4}], act=["leakyrelu", {"negative_slope": 0.2}])),
    ("b0_no_pre_conv", (2, 3, 64, 34), dict(backbone="efficientnet-b0", decoder_channels=[16, 8, 8, 4, 1, 9], pre_conv=None, interp_mode="bicubic",
                                            act="swish", dropout=["alphadropout", {"p": 0.1}])),
    ("b2_deconvgroup", (1, 4, 96, 64), dict(backbone="efficientnet-b2", in_channels=4, upsample="deconvgroup", norm=["localresponse", {"size": 3}])),
    ("b4_area", (2, 3, 41, 64), dict(backbone="efficientnet-b4", decoder_channels=[12, 12, 12, 12, 12], interp_mode="area", act="elu")),
    ("resnet10", (2, 3, 63, 64), dict(backbone="resnet10")),
    ("resnet18", (2, 3, 64, 96), dict(backbone="resnet18", interp_mode="nearest-exact", decoder_bias=True)),
    ("resnet34", (3, 2, 64, 64), dict(backbone="resnet34", in_channels=2, is_pad=False, upsample="deconv", dropout=0.3)),
    ("resnet50", (2, 3, 64, 64), dict(backbone="resnet50", decoder_channels=[64, 32, 16, 8, 4], interp_mode="trilinear", norm="batch")),
]

SIZED = [
    *[dict(backbone=f"efficientnet-b{index}") for index in (0, 1, 2, 3, 4, 7)],
    dict(backbone="resnet10"),
    dict(backbone="efficientnet-b0", is_pad=False),
    dict(backbone="resnet10", is_pad=False),
    dict(backbone="resnet18", norm="instance"),
]
SIDES = [1, 16, 31, 32, 33, 34, 40, 48, 52, 62, 63, 64, 65, 72, 96]


def build(arguments):
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return FlexibleUNet(**tuples)


def with_channels(arguments):
    return {"in_channels": 3, "out_channels": 2} | arguments


def disturb(net):
    """In the order of the names, adds random numbers to vectors, which are zeros and ones at first, and scales kernels so that
    deep layers of an untrained network neither vanish nor explode."""
    with torch.no_grad():
        for _, value in sorted(net.state_dict().items()):
            if value.is_floating_point() and value.dim() == 1:
                value += 0.3 * torch.rand_like(value)
            elif value.dim() == 4:
                value *= value.std().reciprocal() * (2 / value[0].numel()) ** 0.5


def statistics(tensors):
    """Mean, standard deviation and first value of each tensor, in the order of the names."""
    values = [value.detach().double().flatten() for _, value in sorted(tensors)]
    return torch.stack([torch.stack([value.mean(), value.std(correction=0), value[0]]) for value in values])


def logits(net, image):
    with torch.no_grad():
        return net(image)


def write_cases(folder):
    tensors, cases = {}, []
    for seed, (name, shape, arguments) in enumerate(CASES):
        arguments = with_channels(arguments)
        torch.manual_seed(seed)
        net = build(arguments)
        tensors[f"{name}/init"] = statistics(net.state_dict().items())
        torch.manual_seed(seed + 1000)
        disturb(net)
        image = torch.rand(shape)
        tensors[f"{name}/logits"] = logits(net.eval(), image)[:, :, ::3, ::3]
        torch.manual_seed(seed + 2000)
        tensors[f"{name}/trained/logits"] = logits(net.train(), image)[:, :, ::3, ::3]
        tensors[f"{name}/trained/buffers"] = statistics(net.named_buffers())
        cases.append({"name": name, "seed": seed, "shape": shape, "arguments": arguments, "digest": digest(net.state_dict())})
    save(folder / "flexible_unet.safetensors", tensors, {"cases": cases})


def digest(state):
    lines = [f"{name} {list(value.shape)}" for name, value in sorted(state.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def describe(backbone):
    torch.manual_seed(7)
    net = build(with_channels(dict(backbone=backbone)))
    state = net.state_dict()
    return {
        "backbone": backbone,
        "tensors": len(state),
        "parameters": sum(value.numel() for value in net.parameters()),
        "digest": digest(state),
        "encoder": sum(value.double().sum().item() for name, value in state.items() if name.startswith("encoder.")),
        "head": state["segmentation_head.0.weight"].flatten()[:4].tolist(),
    }


def output_size(net, shape):
    try:
        return list(logits(net, torch.rand(shape)).shape[2:])
    except (ValueError, RuntimeError):
        return None


def sizes(arguments):
    arguments = with_channels(arguments | {"decoder_channels": [8, 8, 8, 8, 8]})
    net = build(arguments)
    shapes = [(1, 3, side, 64) for side in SIDES] + [(1, 3, 32, 32), (2, 3, 32, 32), (1, 3, 64, 33), (1, 3, 32, 48)]
    outputs = {mode: [output_size(getattr(net, mode)(), shape) for shape in shapes] for mode in ("train", "eval")}
    return {"arguments": arguments, "shapes": shapes} | outputs


def write_json(folder):
    backbones = [describe(backbone) for backbone in FLEXUNET_BACKBONE.register_dict]
    content = {"backbones": backbones, "sizes": [sizes(arguments) for arguments in SIZED]}
    (folder / "flexible_unet.json").write_text(json.dumps(content | VERSIONS) + "\n")


def shapes(state):
    return {name: list(value.shape) for name, value in state.items()}


def write_encoders(folder):
    """Each with the shapes that MONAI's FlexibleUNet has after loading it."""
    efficient_net = EfficientNetBN("efficientnet-b0", pretrained=False).state_dict()
    # The names of the files that MONAI downloads, by the pattern of monai.networks.nets.efficientnet._load_state_dict.
    downloaded = {re.sub(r"(.+)\.\d+(\.\d+\..+)", r"\1\2", name): value for name, value in efficient_net.items()}
    resnet = resnet10(spatial_dims=2, n_input_channels=3, bias_downsample=False, conv1_t_stride=2, num_classes=5).state_dict()
    content = {
        "efficientnet-b0": {"downloaded": shapes(downloaded), "monai": shapes(efficient_net)},
        "resnet10": {"monai": shapes(resnet), "data_parallel": shapes({f"module.{name}": value for name, value in resnet.items()})},
    }
    (folder / "encoder_names.json").write_text(json.dumps(content | VERSIONS) + "\n")


def write(folder):
    # The order of sums depends on the number of threads.
    torch.set_num_threads(1)
    write_cases(folder)
    write_json(folder)
    write_encoders(folder)


def draw(rng):
    """Class, input shape and arguments drawn at random over all arguments."""
    backbone = rng.choice([*[f"efficientnet-b{index}" for index in range(4)] * 2, "efficientnet-b4", "efficientnet-b5", "resnet10", "resnet18", "resnet34",
                           "resnet50"])
    arguments = {
        "in_channels": rng.randint(1, 4),
        "out_channels": rng.randint(1, 5),
        "backbone": backbone,
        "spatial_dims": 2,
        "decoder_channels": [4 * rng.randint(1, 12) for _ in range(5)],
        "norm": rng.choice(["batch", "instance", ["batch", {"eps": 1e-3, "momentum": 0.1}], ["group", {"num_groups": 2}], ["instance", {"affine": True}],
                            ["localresponse", {"size": 3}]]),
        "act": rng.choice(["relu", ["relu", {"inplace": True}], "PRELU", "swish", "memswish", "gelu", ["leakyrelu", {"negative_slope": 0.1}], "mish", "selu"]),
        "dropout": rng.choice([0.0, 0.0, 0.1, ["dropout", {"p": 0.3}], ["alphadropout", {"p": 0.1}]]),
        "decoder_bias": rng.random() < 0.5,
        "upsample": rng.choice(["nontrainable", "nontrainable", "deconv", "deconvgroup", "pixelshuffle"]),
        "interp_mode": rng.choice(["nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"]),
        "is_pad": rng.random() < 0.7,
    }
    if rng.random() < 0.2:
        arguments["decoder_channels"].append(3)
    if arguments["upsample"] != "pixelshuffle" and rng.random() < 0.3:
        arguments["pre_conv"] = None
    for name in ("norm", "act", "dropout", "decoder_bias", "interp_mode", "is_pad", "decoder_channels"):
        if rng.random() < 0.2:
            del arguments[name]
    return "FlexibleUNet", [rng.randint(1, 3), arguments["in_channels"], draw_side(rng, arguments), draw_side(rng, arguments)], arguments


def draw_side(rng, arguments):
    """A side of 64 to 112 pixels; of those that MONAI takes for this backbone, odd ones too."""
    if not arguments.get("is_pad", True):
        return rng.choice([64, 96])
    odd_steps = {"efficientnet-b0": 1, "efficientnet-b4": 8}
    step = odd_steps.get(arguments["backbone"], 32)
    if arguments["backbone"].startswith("resnet"):
        return rng.choice([63, 64, 95, 96])
    side = rng.randrange(64, 112) if step == 1 else step * rng.randint(-(-64 // step), 112 // step)
    return side + (rng.randint(0, 1) if step > 1 else 0)
