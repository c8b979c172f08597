"""The benchmark of this folder with PyTorch and MONAI: the same shapes and arguments on one thread.

    pip install torch==2.11.0 monai==1.6.1
    python peer.py            # prints the fastest and the median time of each row in milliseconds
"""
import time

import torch
from monai.inferers import sliding_window_inference
from monai.networks.nets import UNet


def measure(name, function, samples):
    times = []
    for _ in range(samples):
        start = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    print(f"{name:12} fastest {times[0]:8.2f}  median {times[len(times) // 2]:8.2f}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    net = UNet(spatial_dims=2, in_channels=3, out_channels=5, channels=(4, 8), strides=(2,)).eval()
    image = torch.randint(0, 256, (1, 3, 1024, 1536), dtype=torch.uint8)
    for mode in ("constant", "gaussian"):

        def run():
            with torch.no_grad():
                sliding_window_inference(image.float() / 255, 224, 4, net, overlap=0.25, mode=mode)

        measure(mode, run, 5)
