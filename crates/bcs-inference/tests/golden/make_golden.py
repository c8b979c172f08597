"""Writes the files beside it: what MONAI's sliding window and a TorchScript of its UNet compute.

    pip install torch==2.11.0 monai==1.6.1 safetensors pillow && python make_golden.py

window.safetensors holds the parameters of a network (its arguments are in the metadata), and the logits of
window.png blended with constant and with Gaussian weights. script.pt is a TorchScript as the predecessor's trainer
wrote it, and script.safetensors the logits it gives for the upper left 224×224 pixels of tile.png.
"""
import json
import pathlib

import monai
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
ARGUMENTS = dict(spatial_dims=2, in_channels=3, out_channels=3, channels=[4, 8, 16], strides=[2, 2], num_res_units=1)


def unet(seed):
    torch.manual_seed(seed)
    return monai.networks.nets.UNet(**ARGUMENTS).eval()


def picture(width, height, name):
    """Smooth blobs: like tissue, they make the network's answer depend on where a window stands."""
    generator = np.random.default_rng(0)
    small = Image.fromarray(generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8))
    image = small.resize((width, height), Image.BICUBIC)
    image.save(HERE / name, optimize=True)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


@torch.no_grad()
def write_window():
    net, image = unet(1), picture(104, 72, "window.png")
    tensors = {f"state/{name}": value.contiguous() for name, value in net.state_dict().items()}
    for mode in ("constant", "gaussian"):
        tensors[mode] = monai.inferers.sliding_window_inference(image, (32, 40), 3, net, overlap=0.25, mode=mode).contiguous()
    save_file(tensors, HERE / "window.safetensors", metadata={"arguments": json.dumps(ARGUMENTS)})


@torch.no_grad()
def write_script():
    net, image = unet(2), picture(224, 224, "tile.png")
    torch.jit.script(net).save(str(HERE / "script.pt"))
    save_file({"logits": net(image).contiguous()}, HERE / "script.safetensors")


if __name__ == "__main__":
    write_window()
    write_script()
