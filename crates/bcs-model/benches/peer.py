"""The benchmarks of this folder with PyTorch and MONAI: the same shapes and arguments on one thread.

    pip install torch==2.11.0 monai==1.6.1
    python peer.py            # prints the fastest and the median time of each row in milliseconds
"""
import time
import warnings

import monai
import torch

NETWORKS = {
    "UNet": dict(spatial_dims=2, channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2), num_res_units=2),
    "AttentionUnet": dict(spatial_dims=2, channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2)),
    "BasicUNet": dict(spatial_dims=2),
    "BasicUNetPlusPlus": dict(spatial_dims=2),
    "SegResNet": dict(spatial_dims=2),
    "DynUNet": dict(spatial_dims=2, kernel_size=[3] * 5, strides=[1, 2, 2, 2, 2], upsample_kernel_size=[2] * 4),
    "FlexibleUNet": dict(backbone="efficientnet-b0"),
}

# With `ignore_index` where MONAI has it, as the losses of this crate always ignore pixels.
LOSSES = {
    "Dice": dict(ignore_index=255),
    "DiceCE": {},
    "DiceFocal": {},
    "Focal": dict(ignore_index=255),
    "GeneralizedDice": {},
    "GeneralizedDiceFocal": {},
    "MaskedDice": {},
    "Tversky": dict(ignore_index=255),
}


def measure(name, function, samples):
    times = []
    for _ in range(samples):
        start = time.perf_counter()
        function()
        times.append(1e3 * (time.perf_counter() - start))
    times.sort()
    print(f"{name:40} fastest {times[0]:8.2f}  median {times[len(times) // 2]:8.2f}", flush=True)


def main_output(output):
    return output[0] if isinstance(output, list) else output


def networks():
    image = torch.rand(1, 3, 224, 224)
    for name, arguments in NETWORKS.items():
        net = getattr(monai.networks.nets, name)(in_channels=3, out_channels=5, **arguments)

        def forward():
            with torch.no_grad():
                net(image)

        def forward_and_backward():
            net.zero_grad(set_to_none=True)
            main_output(net(image)).mean().backward()

        net.eval()
        measure(f"{name} forward", forward, 5)
        net.train()
        measure(f"{name} forward and backward", forward_and_backward, 5)


def losses():
    logits = torch.randn(8, 5, 224, 224, requires_grad=True)
    target = torch.randint(5, (8, 1, 224, 224))
    for name, arguments in LOSSES.items():
        activation = {"use_softmax": True} if name == "Focal" else {"softmax": True}
        loss = getattr(monai.losses, f"{name}Loss")(to_onehot_y=True, **activation, **arguments)

        def forward_and_backward():
            logits.grad = None
            mask = [(target != 255).float()] if name == "MaskedDice" else []
            loss(logits, target, *mask).backward()

        measure(f"{name} forward and backward", forward_and_backward, 20)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    networks()
    losses()
