"""Losses with arguments drawn from all that MONAI's constructors take, and masks.

- loss_arguments.safetensors: for drawn arguments, logits, targets and masks, the value and gradient of MONAI's class.
"""
import random

import monai
import torch

from golden_file import save
from golden_losses import IGNORE, on_valid_pixels

NAMES = ["DiceLoss", "DiceCELoss", "DiceFocalLoss", "FocalLoss", "GeneralizedDiceLoss", "GeneralizedDiceFocalLoss",
         "MaskedDiceLoss", "TverskyLoss"]
WITH_IGNORE_INDEX = ["DiceLoss", "FocalLoss", "TverskyLoss"]
SOFT_LABEL = ["DiceLoss", "GeneralizedDiceLoss", "MaskedDiceLoss", "TverskyLoss"]

# As many as give each class and each kind of batch.
CASES = 96


def choices(name, included, rng):
    """All arguments of a class but `to_onehot_y`, `ignore_index` and `weight`, with values to choose from."""
    gamma, factor = [0.0, 0.5, 1.0, 2.0, 3.5], [0.0, 0.25, 1.0, 1.5]
    alpha = [None, 0.0, 0.25, 1.0, [round(rng.random(), 3) for _ in range(included)]]
    if name == "FocalLoss":
        return {"gamma": gamma, "alpha": alpha, "reduction": ["mean", "sum"]}
    result = {"batch": [False, True], "reduction": ["mean", "sum"], "smooth_nr": [0.0, 1e-5, 1e-3, 1.0],
              "smooth_dr": [0.0, 1e-5, 1e-3, 1.0], "other_act": [None]}
    if "Generalized" in name:
        result |= {"w_type": ["square", "simple", "uniform"]}
    elif name != "TverskyLoss":
        result |= {"squared_pred": [False, True], "jaccard": [False, True]}
    if name in SOFT_LABEL:
        result |= {"soft_label": [False, True]}
    return result | {
        "DiceCELoss": {"lambda_dice": factor, "lambda_ce": factor, "label_smoothing": [0.0, 0.1, 1.0]},
        "DiceFocalLoss": {"lambda_dice": factor, "lambda_focal": factor, "gamma": gamma, "alpha": alpha},
        "GeneralizedDiceFocalLoss": {"lambda_gdl": factor, "lambda_focal": factor, "gamma": gamma},
        "TverskyLoss": {"alpha": [0.0, 0.3, 1.0], "beta": [0.0, 0.7, 2.0]},
    }.get(name, {})


def draw_weight(name, included, channels, rng):
    """MONAI's `weight`: a number, or one per included class; for DiceCELoss a tensor with one per class."""
    numbers = lambda count: [round(rng.uniform(0.1, 3.0), 3) for _ in range(count)]
    if name == "DiceCELoss":
        return numbers(channels)
    focal = "Focal" in name
    return numbers(included) if rng.random() < 0.7 and not (focal and included == 1) else numbers(1)[0]


def draw(rng):
    """Returns a class name, the shape of its logits, and arguments as `train_hyp.loss_arguments` takes them."""
    name = rng.choice(NAMES)
    channels = rng.choice([1, 2, 2, 3, 4, 5])
    arguments = {}
    if rng.random() < 0.4:
        arguments["include_background"] = rng.random() < 0.3
    included = channels - (channels > 1 and not arguments.get("include_background", True))
    softmax = channels > 1 and rng.random() < 0.6
    if name == "FocalLoss":
        softmax &= included > 1
        arguments |= {"use_softmax": softmax} if not softmax or rng.random() < 0.5 else {}
    else:
        arguments |= ({"softmax": True} if rng.random() < 0.5 else {}) if softmax else {"sigmoid": True}
    for argument, values in choices(name, included, rng).items():
        if rng.random() < 0.5:
            arguments[argument] = rng.choice(values)
    if name not in ["GeneralizedDiceLoss", "TverskyLoss"] and rng.random() < 0.5:
        arguments["weight"] = draw_weight(name, included, channels, rng)
    return name, [rng.randint(1, 3), channels, rng.randint(1, 6), rng.randint(1, 6)], arguments


def monai_loss(name, arguments, **own):
    """MONAI's class with these arguments, of softmax where they do not choose sigmoid."""
    activation = {"use_softmax": True} if name == "FocalLoss" else {"softmax": not arguments.get("sigmoid", False)}
    arguments = own | activation | arguments
    if isinstance(arguments.get("weight"), list):
        arguments["weight"] = torch.tensor(arguments["weight"])
    return getattr(monai.losses, name)(to_onehot_y=True, **arguments)


def labels(logits, target):
    """Targets as MONAI's losses take them; those of one channel are not made one-hot, so that they must be floats."""
    return target[:, None].float() if logits.shape[1] == 1 else target[:, None]


def draw_batch(shape, rng):
    """Logits, targets and whether each pixel is ignored, drawn as one of several kinds."""
    images, channels, height, width = shape
    logits = 2 * torch.randn(shape)
    target = torch.randint(0, max(channels, 2), (images, height, width))
    ignored = torch.zeros_like(target, dtype=torch.bool)
    kind = rng.choice(["valid", "absent", "scattered", "image"])
    if kind == "absent":
        absent = rng.randrange(max(channels, 2))
        target[target == absent] = (absent + 1) % max(channels, 2)
    elif kind == "scattered":
        # As many in each image, so that the valid pixels make a tensor.
        for image in ignored:
            image.view(-1)[torch.randperm(image.numel())[: image.numel() // 3]] = True
    elif kind == "image" and images > 1:
        ignored[rng.randrange(images)] = True
    return logits, target, ignored


def draw_case(rng):
    """A case, with the name that tells the Rust test how MONAI's class was called; None where MONAI gives NaN."""
    name, shape, arguments = draw(rng)
    logits, target, ignored = draw_batch(shape, rng)
    logits.requires_grad_()
    tensors, mask = {}, (~ignored)[:, None].float()
    if name == "MaskedDiceLoss":
        way = rng.choice(["", " of valid pixels"])
        if not way:
            # A mask of its own, for all images or one each.
            mask = mask[: rng.choice([1, len(mask)])]
            tensors["mask"] = mask
        else:
            target[ignored] = IGNORE
        value = monai_loss(name, arguments)(logits, labels(logits, target), mask)
    elif rng.random() < 0.2:
        name, way, inner = "MaskedLoss", f" of {name}", name
        tensors["mask"] = mask
        value = monai.losses.MaskedLoss(monai_loss(inner, arguments))(logits, labels(logits, target), mask)
    elif name in WITH_IGNORE_INDEX and ignored.any():
        target[ignored] = IGNORE
        way = " with ignore_index"
        value = monai_loss(name, arguments, ignore_index=IGNORE)(logits, labels(logits, target))
        if rng.random() < 0.5:
            arguments["ignore_index"] = IGNORE
    elif ignored.any():
        if len({int(image.sum()) for image in ignored}) > 1:
            ignored[:] = False
        target[ignored] = IGNORE
        way = " on valid pixels"
        loss = lambda logits, target, _, arguments: monai_loss(name, arguments)(logits, labels(logits, target))
        value = on_valid_pixels(loss)(logits, target, None, arguments)
    else:
        way = ""
        value = monai_loss(name, arguments)(logits, labels(logits, target))
        arguments |= {"ignore_index": None} if rng.random() < 0.3 else {}
    value.backward()
    if not (value.isfinite().all() and logits.grad.isfinite().all()):
        return None
    tensors |= {"logits": logits, "target": target, "value": value, "gradient": logits.grad}
    return name + way, arguments, tensors


def write_cases(path, seed, count):
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tensors, cases = {}, []
    while len(cases) < count:
        case = draw_case(rng)
        if case is None:
            continue
        name, arguments, own = case
        key = f"{len(cases):03}"
        tensors |= {f"{key}/{tensor}": value for tensor, value in own.items()}
        cases.append({"key": key, "name": name, "arguments": arguments, "weight": None})
    save(path, tensors, {"cases": cases})


def write(folder):
    write_cases(folder / "loss_arguments.safetensors", 2, CASES)
