"""Writes the files beside it: what MONAI computes, for the tests of this crate to compare with.

    pip install torch==2.11.0 monai==1.6.1 safetensors && python make_golden.py

Each unet_*.safetensors holds the parameters that `torch.manual_seed(SEED)` gives a fresh network, the same
network's parameters after they were disturbed (so that zeros and ones can't hide a mistake), an input and the
logits; its arguments are in the metadata. losses.json holds logits, targets and the losses of both.
"""
import json
import pathlib

import monai
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
IGNORE = 255

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


def tuples(value):
    return tuple(value) if isinstance(value, list) else value


def unet(arguments):
    return monai.networks.nets.UNet(spatial_dims=2, **{name: tuples(value) for name, value in arguments.items()})


def write_networks():
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
        save_file({key: value.contiguous() for key, value in tensors.items()}, HERE / f"unet_{name}.safetensors",
                  metadata={"arguments": json.dumps({"spatial_dims": 2} | arguments), "seed": str(seed)})


def losses(logits, target, weight):
    """MONAI's own where it knows don't-care pixels; where it does not, PyTorch's cross entropy beside its Dice."""
    one_channel = target[:, None]
    weights = None if weight is None else torch.tensor(weight)
    dice = monai.losses.DiceLoss(to_onehot_y=True, softmax=True, weight=weights, ignore_index=IGNORE)(logits, one_channel)
    entropy = torch.nn.functional.cross_entropy(logits, target, weight=weights, ignore_index=IGNORE)
    result = {"Dice": dice, "CrossEntropy": entropy, "DiceCE": dice + entropy}
    if not (target == IGNORE).any():
        result["DiceCE"] = monai.losses.DiceCELoss(to_onehot_y=True, softmax=True, weight=weights)(logits, one_channel)
        result["Focal"] = monai.losses.FocalLoss(to_onehot_y=True, use_softmax=True, weight=weights)(logits, one_channel)
        result["DiceFocal"] = dice + result["Focal"]
    return {name: value.item() for name, value in result.items()}


def write_losses():
    torch.manual_seed(0)
    cases = []
    for classes, ignored, weight in [(2, False, None), (2, False, [1 / 0.71, 1 / 0.29]), (4, False, None), (3, True, None), (3, True, [0.5, 1.0, 2.0])]:
        logits = torch.randn(3, classes, 5, 6)
        target = torch.randint(0, classes, (3, 5, 6))
        if ignored:
            target[torch.rand(target.shape) < 0.3] = IGNORE
            target[1] = IGNORE
        cases.append({"shape": list(logits.shape), "logits": logits.flatten().tolist(), "target": target.flatten().tolist(),
                      "weight": weight, "losses": losses(logits, target, weight)})
    (HERE / "losses.json").write_text(json.dumps({"monai": monai.__version__, "torch": torch.__version__, "cases": cases}) + "\n")


if __name__ == "__main__":
    write_networks()
    write_losses()
