"""Output of MONAI's `sliding_window_inference` for each of its arguments, with images of odd sizes, images smaller than
the window along one axis or both, and test-time augmentation.

- inferers.json: the arguments of the network, and of each case: the size of the image, which is the top left corner of
  `image`, and the arguments of MONAI's function. `scaling`: as in a package's metadata.
  `tta`: the softmax of the logits of four or eight views is averaged; the case then has probabilities instead of logits.
- inferers.safetensors: the image, the parameters of the network, and the output of each case.
"""
import itertools
import json

import monai
import torch
from safetensors.torch import save_file

ARGUMENTS = dict(spatial_dims=2, in_channels=3, out_channels=2, channels=[4, 8], strides=[2], num_res_units=1)
STANDARDIZE = dict(kind="standardize", mean=[0.7, 0.5, 0.6], std=[0.2, 0.25, 0.15])


def cases():
    big, small, roi = (21, 17), dict(height=(9, 17), width=(21, 7), both=(9, 7)), (14, 12)
    for overlap, mode in itertools.product((0.0, 0.25, 0.5, 0.75), ("constant", "gaussian")):
        yield f"overlap_{overlap}_{mode}", dict(size=big, roi_size=(12, 8), overlap=overlap, mode=mode)
    yield "overlap_per_axis", dict(size=big, roi_size=(12, 8), overlap=(0.5, 0.125), mode="gaussian")
    for name, sigma_scale in dict(wide=0.25, per_axis=(0.5, 0.05)).items():
        yield f"sigma_{name}", dict(size=big, roi_size=(12, 8), overlap=0.5, mode="gaussian", sigma_scale=sigma_scale)
    for roi_size in ((6, 16), (20, 6), (4, 6)):
        yield "roi_{}_{}".format(*roi_size), dict(size=(23, 19), roi_size=roi_size, mode="gaussian")
    for padding_mode, (name, size) in itertools.product(("constant", "reflect", "replicate", "circular"), small.items()):
        yield f"{padding_mode}_{name}", dict(size=size, roi_size=roi, padding_mode=padding_mode, mode="gaussian")
    yield "constant_value", dict(size=small["both"], roi_size=roi, padding_mode="constant", cval=0.75)
    yield "constant_standardized", dict(size=small["height"], roi_size=roi, padding_mode="constant", scaling=STANDARDIZE)
    yield "replicate_tiny", dict(size=(2, 1), roi_size=roi, padding_mode="replicate")
    yield "circular_once", dict(size=(7, 6), roi_size=roi, padding_mode="circular")
    for tta in ("flips", "flips-rotations"):
        yield f"{tta}", dict(size=big, roi_size=(12, 8), mode="gaussian", tta=tta)
        yield f"{tta}_padded", dict(size=(9, 13), roi_size=roi, padding_mode="reflect", tta=tta)


def views(tta):
    """Each view as the number of rotations by 90° and whether it is flipped then."""
    return itertools.product((0, 2) if tta == "flips" else range(4), (False, True))


def run(net, image, size, scaling=None, tta=None, **arguments):
    image = image[: size[0], : size[1]].permute(2, 0, 1)[None].float() / 255
    if scaling:
        mean, std = (torch.tensor(scaling[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
        image = (image - mean) / std
    infer = lambda image: monai.inferers.sliding_window_inference(image, sw_batch_size=3, predictor=net, **arguments)
    if tta is None:
        return infer(image)
    total = 0
    for turns, flipped in views(tta):
        view = torch.rot90(image, turns, (2, 3))
        logits = infer(view.flip(3)).flip(3) if flipped else infer(view)
        total = total + torch.rot90(logits, -turns, (2, 3)).softmax(1)
    return total / len(list(views(tta)))


@torch.no_grad()
def write(folder):
    torch.manual_seed(3)
    net = monai.networks.nets.UNet(**ARGUMENTS).eval()
    blobs = torch.nn.functional.interpolate(torch.rand(1, 3, 7, 6), (23, 19), mode="bicubic").clamp(0, 1)
    image = (blobs[0].permute(1, 2, 0) * 255).round().to(torch.uint8)
    tensors = {f"state/{name}": value.contiguous() for name, value in net.state_dict().items()}
    tensors["image"] = image.contiguous()
    for name, case in cases():
        tensors[f"case/{name}"] = run(net, image, **case).contiguous()
    save_file(tensors, folder / "inferers.safetensors")
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(case)}" for name, case in cases())
    text = f'{{\n "arguments": {json.dumps(ARGUMENTS)},\n "cases": {{\n{lines}\n }}\n}}\n'
    (folder / "inferers.json").write_text(text)
