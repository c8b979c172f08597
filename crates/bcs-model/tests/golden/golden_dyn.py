"""Golden files of DynUNet, of deep supervision and of layers left out; make_golden.py calls `write`.

- <network>_<case>.safetensors: as in golden_networks.py; with deep supervision also the outputs `eval/N` and `train/N` of
  both modes, main output first.
- dyn_sizes.json: which input shapes DynUNet accepts in training and in inference.
- deep_supervision.safetensors: outputs, targets, and the value and gradients of DeepSupervisionLoss over MONAI's DiceLoss.
"""
import itertools
import json

import monai
import torch

import golden_networks
from golden_file import VERSIONS, save
from golden_networks import build

THREE = dict(in_channels=3, out_channels=2, kernel_size=[3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2], filters=[2, 3, 4])

# Class, file's name, shape of the input, arguments.
CASES = [
    ("DynUNet", "dyn_unet_defaults", (1, 3, 20, 24), THREE),
    ("DynUNet", "dyn_unet_residual", (2, 3, 16, 24), THREE | dict(res_block=True, filters=[3, 3, 5, 7], trans_bias=True)),
    ("DynUNet", "dyn_unet_anisotropic", (2, 1, 18, 16), dict(in_channels=1, out_channels=3, kernel_size=[[1, 3], [3, 1], 5, 3], strides=[1, [3, 1], [1, 2], [2, 4]],
                                                        upsample_kernel_size=[[3, 1], [1, 2], [2, 4]], filters=[2, 3, 4, 3], norm_name="batch",
                                                        act_name=["prelu", {"init": 0.1}])),
    ("DynUNet", "dyn_unet_group", (1, 3, 24, 16), THREE | dict(filters=[2, 4, 4], norm_name=["group", {"num_groups": 2}], act_name="swish", dropout=0.2)),
    ("DynUNet", "dyn_unet_no_layers", (2, 3, 12, 12), THREE | dict(norm_name="", act_name="", dropout=None)),
    ("DynUNet", "dyn_unet_small_output", (2, 3, 16, 24), THREE | dict(strides=[2, 2, [1, 2]], upsample_kernel_size=[2, [1, 2]], norm_name="BATCH", act_name="GELU")),
    ("DynUNet", "dyn_unet_supervised", (2, 3, 16, 8), THREE | dict(deep_supervision=True, norm_name="BATCH")),
    ("DynUNet", "dyn_unet_supervised_twice", (1, 3, 24, 16), dict(in_channels=3, out_channels=4, kernel_size=[3, 3, 3, 3], strides=[1, 2, 1, [2, 4]],
                                                              upsample_kernel_size=[2, 1, [2, 4]], filters=[2, 3, 4, 5], deep_supervision=True,
                                                              deep_supr_num=2)),
    ("BasicUNetPlusPlus", "basic_unet_plus_plus_supervised", (1, 1, 19, 33), dict(features=[2, 3, 2, 3, 4, 3], norm="batch", deep_supervision=True)),
    ("UNet", "unet_no_layers", (1, 3, 12, 8), dict(in_channels=3, out_channels=2, channels=[3, 5], strides=[2], num_res_units=1, act=None, norm=None, dropout=None)),
    ("UNet", "unet_repeated_letters", (2, 3, 12, 8), dict(in_channels=3, out_channels=2, channels=[3, 5], strides=[2], norm="", act="PrElu", adn_ordering="anad")),
]

SIZED = [
    THREE,
    THREE | dict(norm_name="batch"),
    THREE | dict(norm_name=""),
    THREE | dict(strides=[1, 2, 1], upsample_kernel_size=[2, 1], filters=[4, 4, 8], norm_name=["group", {"num_groups": 4}]),
    THREE | dict(strides=[1, [2, 1], [1, 3]], upsample_kernel_size=[[2, 1], [1, 3]]),
]


def outputs(net, image):
    """All outputs, main output first."""
    with torch.no_grad():
        result = net(image)
    if isinstance(result, list):
        return result[::-1]
    return list(result.unbind(1)) if result.dim() == 5 else [result]


def write_case(folder, name, case, shape, arguments, seed):
    arguments = {"spatial_dims": 2} | arguments
    torch.manual_seed(seed)
    net = build(name, arguments)
    tensors = {f"init/{key}": value.clone() for key, value in net.state_dict().items()}
    with torch.no_grad():
        # A shared tensor has several names and is disturbed once.
        for value in {value.data_ptr(): value for value in net.state_dict().values()}.values():
            if value.is_floating_point():
                value += 0.3 * torch.rand_like(value)
    tensors |= {f"state/{key}": value.clone() for key, value in net.state_dict().items()}
    image = torch.rand(shape)
    results = {"eval": outputs(net.eval(), image)}
    tensors |= {"input": image, "logits": results["eval"][0]}
    if not arguments.get("dropout"):
        results["train"] = outputs(net.train(), image)
        tensors["trained/logits"] = results["train"][0]
        tensors |= {f"trained/{key}": value.clone() for key, value in net.state_dict().items() if "running" in key or "tracked" in key}
    if arguments.get("deep_supervision"):
        tensors |= {f"{mode}/{index}": output for mode, found in results.items() for index, output in enumerate(found)}
    tensors = {key: tensor.clone() for key, tensor in tensors.items()}
    save(folder / f"{case}.safetensors", tensors, {"network": name, "arguments": arguments, "seed": seed})


def write_sizes(folder):
    networks = []
    for arguments in SIZED:
        arguments = {"spatial_dims": 2} | arguments
        net = build("DynUNet", arguments)
        sides = golden_networks.sides("DynUNet", arguments)
        shapes = [[images, 3, height, width] for images, height, width in itertools.product([1, 2], *sides)]
        result = {mode: [shape for shape in shapes if golden_networks.refused(getattr(net, mode)(), shape)] for mode in ("train", "eval")}
        networks.append({"network": "DynUNet", "arguments": arguments, "shapes": shapes, "refused": result})
    (folder / "dyn_sizes.json").write_text(json.dumps({"networks": networks} | VERSIONS) + "\n")


LOSSES = [
    ("exp", "exp", None, [(12, 10), (6, 5), (3, 4), (2, 2), (1, 1), (1, 1)]),
    ("same", "same", None, [(12, 10), (12, 10), (5, 7)]),
    ("two", "two", None, [(12, 10), (6, 5), (4, 3)]),
    ("weights", "exp", [0.9, 0.2, 0.4], [(12, 10), (6, 5)]),
    ("too_few_weights", "two", [0.9], [(12, 10), (6, 5)]),
]


def write_losses(folder):
    generator = torch.Generator().manual_seed(20)
    tensors, description = {}, []
    target = torch.randint(0, 3, (2, 1, 12, 10), generator=generator)
    tensors["target"] = target[:, 0]
    for name, mode, weights, sizes in LOSSES:
        logits = [torch.randn(2, 3, *size, generator=generator).requires_grad_() for size in sizes]
        loss = monai.losses.DeepSupervisionLoss(monai.losses.DiceLoss(to_onehot_y=True, softmax=True), mode, weights)
        value = loss(logits, target.float())
        value.backward()
        tensors[f"{name}/value"] = value
        for index, output in enumerate(logits):
            tensors |= {f"{name}/logits/{index}": output, f"{name}/gradient/{index}": output.grad}
        description.append({"name": name, "weight_mode": mode, "weights": weights, "outputs": len(sizes)})
    save(folder / "deep_supervision.safetensors", tensors, {"losses": description})


def draw(rng):
    """A DynUNet at random: class name, input shape, arguments."""
    levels = rng.choice([3, 3, 4, 5])
    res_block = rng.random() < 0.5

    def pair(choices):
        return rng.choice(choices) if rng.random() < 0.5 else [rng.choice(choices), rng.choice(choices)]

    strides = [rng.choice([1, 1, 1, 2])] + [pair([1, 2, 2] if res_block else [1, 2, 2, 3]) for _ in range(levels - 1)]
    upsampling = [rng.choice([1, 2]) for _ in range(rng.choice([0, 0, 1]))] + strides[1:]
    sides = [[step] * 2 if isinstance(step, int) else step for step in strides]
    divisor = [int(torch.tensor(side).prod()) for side in zip(*sides)]
    shape = (rng.choice([1, 2, 3]), rng.choice([1, 3, 4]), *(side * rng.choice([2, 3]) for side in divisor))
    filters = rng.choice([None] * (levels == 3) + [[rng.choice([2, 4, 6, 8]) for _ in range(levels + rng.choice([0, 0, 1]))] for _ in range(4)])
    arguments = dict(
        spatial_dims=2, in_channels=shape[1], out_channels=rng.choice([1, 2, 3, 5]), kernel_size=[pair([1, 3, 3, 5] if res_block else [3, 3, 5]) for _ in range(levels)],
        strides=strides, upsample_kernel_size=upsampling)
    optional = dict(
        filters=filters,
        dropout=rng.choice([None, 0.0, 0.3, "", "alphadropout", ["dropout", {"p": 0.2}]]),
        norm_name=rng.choice(["instance", "Batch", "syncbatch", "instance_nvfuser", "", ["group", {"num_groups": 2}], ["localresponse", {"size": 3}],
                              ["instance", {"affine": True, "eps": 1e-3}], ["instance", {"track_running_stats": True}], ["batch", {"momentum": 0.3}]]),
        act_name=rng.choice(["relu", "PReLU", "gelu", "swish", "memswish", "mish", "elu", "celu", "selu", "relu6", "sigmoid", "tanh", "softmax", "logsoftmax", "",
                             ["leakyrelu", {"negative_slope": 0.2, "inplace": True}], ["prelu", {"init": 0.1}], ["gelu", {"approximate": "tanh"}]]),
        deep_supervision=rng.random() < 0.5, res_block=res_block, trans_bias=rng.random() < 0.5)
    arguments |= {key: value for key, value in optional.items() if rng.random() < 0.7 or key == "res_block"}
    if rng.random() < 0.5:
        arguments["deep_supr_num"] = rng.randint(1, levels - 2)
    return "DynUNet", shape, arguments


def write(folder):
    for seed, (name, case, shape, arguments) in enumerate(CASES, 1000):
        write_case(folder, name, case, shape, arguments, seed)
    write_sizes(folder)
    write_losses(folder)
