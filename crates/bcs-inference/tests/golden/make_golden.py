"""Writes the golden files beside it: what MONAI's sliding window and a TorchScript of its UNet compute.

    pip install torch==2.11.0 monai==1.6.1 safetensors pillow
    python make_golden.py            # writes the files
    python make_golden.py --check    # compares the files with what this machine computes, to the byte

- window.safetensors: the parameters of a network (its arguments are in the metadata), and the logits of window.png
  from `monai.inferers.sliding_window_inference` with constant and with Gaussian weights.
- inferers.json, inferers.safetensors: see golden_inferers.py.
- script.pt: a network as TorchScript, as the predecessor's trainer wrote it; script.safetensors: its logits of tile.png.
"""
import argparse
import json
import pathlib
import sys
import tempfile
import zipfile

import monai
import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import golden_inferers

HERE = pathlib.Path(__file__).parent
ARGUMENTS = dict(spatial_dims=2, in_channels=3, out_channels=3, channels=[4, 8, 16], strides=[2, 2], num_res_units=1)


def unet(seed):
    torch.manual_seed(seed)
    return monai.networks.nets.UNet(**ARGUMENTS).eval()


def picture(width, height, path):
    """Draws smooth blobs: like tissue, they make the logits depend on where a window lies."""
    generator = np.random.default_rng(0)
    small = Image.fromarray(generator.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8))
    image = small.resize((width, height), Image.BICUBIC)
    image.save(path, optimize=True)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


@torch.no_grad()
def write_window(folder):
    net, image = unet(1), picture(104, 72, folder / "window.png")
    tensors = {f"state/{name}": value.contiguous() for name, value in net.state_dict().items()}
    for mode in ("constant", "gaussian"):
        tensors[mode] = monai.inferers.sliding_window_inference(image, (32, 40), 3, net, overlap=0.25, mode=mode).contiguous()
    save_file(tensors, folder / "window.safetensors", metadata={"arguments": json.dumps(ARGUMENTS)})


@torch.no_grad()
def write_script(folder):
    net, image = unet(2), picture(224, 224, folder / "tile.png")
    torch.jit.script(net).save(str(folder / "script.pt"))
    strip_debug_records(folder / "script.pt")
    save_file({"logits": net(image).contiguous()}, folder / "script.safetensors")


def strip_debug_records(path):
    """Removes the records with source locations, which name folders of this machine."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if not name.endswith(".debug_pkl")}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def write(folder):
    write_window(folder)
    write_script(folder)
    golden_inferers.write(folder)


def tensors(path):
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name).double() for name in file.keys()}


def pixels(path):
    return {"pixels": torch.from_numpy(np.array(Image.open(path))).double()}


def text(path):
    return {"bytes": torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8).double()}


def records(path):
    """The records of an archive but those that name the machine: source paths and the serialization's id. The lines of
    code are sorted: their order follows from the hash seed of the process."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith((".debug_pkl", "serialization_id"))]
        contents = {name: archive.read(name) for name in names}
    for name in names:
        if name.endswith(".py"):
            contents[name] = b"\n".join(sorted(contents[name].splitlines()))
    return {name: torch.frombuffer(bytearray(content), dtype=torch.uint8).double() for name, content in contents.items()}


READERS = {".safetensors": tensors, ".png": pixels, ".pt": records, ".json": text}


def largest_difference(old, new):
    """The largest difference between the contents of two files; None where they differ in shape."""
    old, new = (READERS[path.suffix](path) for path in (old, new))
    if old.keys() != new.keys() or any(old[name].shape != new[name].shape for name in old):
        return None
    return max((old[name] - new[name]).abs().max().item() for name in old if old[name].numel())


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
            difference = largest_difference(old, new) if old.exists() else None
            agree &= difference is not None and difference <= 1e-5
            print(f"{new.name}: {describe(difference)}")
    return agree


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the files with what this machine computes")
    if parser.parse_args().check:
        sys.exit(0 if check() else 1)
    write(HERE)
