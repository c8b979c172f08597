"""Images per second of training with PyTorch and MONAI: the peer of `scripts/bench train`.

The same work as bcs-trainer's: PNG tiles and masks from disk, random flip, rotation by quarter turns and colour jitter in a
DataLoader's worker, MONAI's UNet, DiceCE and AdamW. Prints one line of JSON per configuration: seconds of each step without
the first ones, and the seconds in which each waited for data.
"""

import argparse
import json
import os
import pathlib
import random
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["PYTHONWARNINGS"] = "ignore"

import monai
import numpy as np
import torch
from PIL import Image

# Name: channels last, autocast to bfloat16.
CONFIGURATIONS = {
    "fp32": (False, False),
    "channels_last": (True, False),
    "bf16": (False, True),
    "channels_last bf16": (True, True),
}
TUMOUR_CODES = (1, 19, 20)
COLOUR_SCALE, COLOUR_SHIFT = 0.3, 0.15
UNUSED_STEPS = 2


class Tiles(torch.utils.data.Dataset):
    """Tiles with masks of two classes, augmented anew at each access."""

    def __init__(self, folder, length):
        self.images = sorted((folder / "train").glob("*.png"))
        self.masks = folder / "train_mask"
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        path = self.images[index % len(self.images)]
        image, mask = np.asarray(Image.open(path).convert("RGB")), np.asarray(Image.open(self.masks / path.name))
        mask = np.isin(mask, TUMOUR_CODES)
        if random.random() < 0.5:
            image, mask = image[:, ::-1], mask[:, ::-1]
        turns = random.randrange(4)
        image, mask = np.rot90(image, turns), np.rot90(mask, turns)
        # A table per channel, as bcs-trainer's.
        values = np.arange(256)
        for channel in range(3):
            factor = 1 + random.uniform(-COLOUR_SCALE, COLOUR_SCALE)
            table = np.clip(values * factor + 255 * random.uniform(-COLOUR_SHIFT, COLOUR_SHIFT), 0, 255).astype(np.uint8)
            if channel == 0:
                image = image.copy()
            image[..., channel] = table[image[..., channel]]
        image = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return image, torch.from_numpy(np.ascontiguousarray(mask)[None].astype(np.uint8))


def measure(name, arguments):
    """Trains for some steps."""
    channels_last, bf16 = CONFIGURATIONS[name]
    torch.manual_seed(0)
    random.seed(0)
    network = monai.networks.nets.UNet(
        spatial_dims=2,
        in_channels=3,
        out_channels=2,
        channels=(16, 32, 64, 128, 256),
        strides=(2, 2, 2, 2),
        num_res_units=2,
    )
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    network = network.to(memory_format=memory_format)
    loss = monai.losses.DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    steps = arguments.steps + UNUSED_STEPS
    loader = torch.utils.data.DataLoader(
        Tiles(arguments.data, steps * arguments.batch),
        batch_size=arguments.batch,
        shuffle=True,
        num_workers=arguments.workers,
    )
    batches = iter(loader)
    times, waits = [], []
    for _ in range(steps):
        start = time.perf_counter()
        images, masks = next(batches)
        waits.append(time.perf_counter() - start)
        images = images.to(memory_format=memory_format).float().div_(255)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = network(images)
        value = loss(logits.float(), masks)
        value.backward()
        optimizer.step()
        # Both programs report the loss of each step.
        value.item()
        times.append(time.perf_counter() - start)
    figures = {"configuration": name, "seconds": times[UNUSED_STEPS:], "waits": waits[UNUSED_STEPS:]}
    print(json.dumps(figures), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with train/ and train_mask/")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--configurations", nargs="*", default=list(CONFIGURATIONS))
    arguments = parser.parse_args()
    for name in arguments.configurations:
        measure(name, arguments)


if __name__ == "__main__":
    main()
