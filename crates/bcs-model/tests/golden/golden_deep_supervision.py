"""Golden file of monai.losses.DeepSupervisionLoss, deep_supervision.safetensors; make_golden.py calls `write`.

Outputs of several sizes, the target, and for each case the loss and its gradient with respect to each output.
"""
import torch
from monai.losses import DeepSupervisionLoss, DiceCELoss

from golden_file import save

SIZES = [(13, 10), (7, 5), (4, 3), (2, 3), (1, 1), (26, 20)]
CASES = [
    dict(outputs=1),
    dict(outputs=6),
    dict(outputs=6, weight_mode="same"),
    dict(outputs=4, weight_mode="two"),
    dict(outputs=3, weights=[0.7, 0.0, 2.5, 9.0]),
    dict(outputs=3, weights=[0.7, 0.2]),
]


def write(folder):
    generator = torch.Generator().manual_seed(3)
    outputs = [torch.randn(2, 3, *size, generator=generator) for size in SIZES]
    target = torch.randint(0, 3, (2, 1, 13, 10), generator=generator)
    tensors = {f"output/{index}": output for index, output in enumerate(outputs)} | {"target": target[:, 0]}
    for case, arguments in enumerate(CASES):
        options = {name: value for name, value in arguments.items() if name != "outputs"}
        given = [output.clone().requires_grad_() for output in outputs[:arguments["outputs"]]]
        # PyTorch interpolates no integers.
        loss = DeepSupervisionLoss(DiceCELoss(to_onehot_y=True, softmax=True), **options)(given, target.float())
        loss.backward()
        tensors[f"{case}/loss"] = loss.detach()
        tensors |= {f"{case}/gradient/{index}": output.grad for index, output in enumerate(given)}
    save(folder / "deep_supervision.safetensors", tensors, {"cases": CASES})
