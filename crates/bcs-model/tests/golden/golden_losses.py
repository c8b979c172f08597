"""Losses: drawn logits and targets, and the value and gradient that a class of MONAI or PyTorch gives for them.

- losses.safetensors: chosen arguments of the Dice, cross entropy and focal losses and of their sums.
- losses_drawn.safetensors: drawn arguments of all losses of MONAI, drawn class weights, classes that the truth lacks.
"""
import itertools
import random

import monai
import torch

from golden_file import save

IGNORE = 255


def monai_loss(cls, **own):
    """The loss of MONAI's class, of softmax where the arguments do not choose sigmoid."""

    def loss(logits, target, weight, arguments):
        activation = {"use_softmax": True} if cls is monai.losses.FocalLoss else {"softmax": not arguments.get("sigmoid", False)}
        weights = {}
        if weight is not None:
            # Like MONAI's DiceCELoss, the others leave out the background's weight with the background.
            whole = arguments.get("include_background", True) or cls is monai.losses.DiceCELoss
            weights = {"weight": torch.tensor(weight if whole else weight[1:])}
        return cls(to_onehot_y=True, **(own | activation | weights | arguments))(logits, target[:, None])

    return loss


def cross_entropy(logits, target, weight, arguments):
    weight = None if weight is None else torch.tensor(weight)
    return torch.nn.CrossEntropyLoss(weight=weight, ignore_index=IGNORE, **arguments)(logits, target)


def on_valid_pixels(loss):
    """The loss of the valid pixels alone, for classes without `ignore_index`.

    All terms are indifferent to where a pixel stands. So the valid pixels are gathered into an image of one row; MONAI's
    class sees these and no others. Image by image where all images have as many; else, with `batch`, the whole batch in one
    row.
    """

    def gathered(logits, target, weight, arguments):
        rows = [image[:, valid] for image, valid in zip(logits, target != IGNORE)]
        labels = [image[valid] for image, valid in zip(target, target != IGNORE)]
        if len({len(row) for row in labels}) > 1:
            assert arguments["batch"]
            rows, labels = [torch.cat(rows, 1)], [torch.cat(labels)]
        return loss(torch.stack(rows)[:, :, None], torch.stack(labels)[:, None], weight, arguments)

    return gathered


dice_ce = monai_loss(monai.losses.DiceCELoss)
dice_focal = monai_loss(monai.losses.DiceFocalLoss)
generalized_dice = monai_loss(monai.losses.GeneralizedDiceLoss)
generalized_dice_focal = monai_loss(monai.losses.GeneralizedDiceFocalLoss)

# Classes with an `ignore_index` and PyTorch's, then the others without ignored pixels, then on the valid pixels.
FAMILIES = {
    "DiceLoss": monai_loss(monai.losses.DiceLoss, ignore_index=IGNORE),
    "CrossEntropyLoss": cross_entropy,
    "FocalLoss": monai_loss(monai.losses.FocalLoss),
    "FocalLoss with ignore_index": monai_loss(monai.losses.FocalLoss, ignore_index=IGNORE),
    "DiceCELoss": dice_ce,
    "DiceFocalLoss": dice_focal,
    "DiceCELoss on valid pixels": on_valid_pixels(dice_ce),
    "DiceFocalLoss on valid pixels": on_valid_pixels(dice_focal),
}

DRAWN_FAMILIES = FAMILIES | {
    "TverskyLoss": monai_loss(monai.losses.TverskyLoss, ignore_index=IGNORE),
    "GeneralizedDiceLoss": generalized_dice,
    "GeneralizedDiceFocalLoss": generalized_dice_focal,
    "GeneralizedDiceLoss on valid pixels": on_valid_pixels(generalized_dice),
    "GeneralizedDiceFocalLoss on valid pixels": on_valid_pixels(generalized_dice_focal),
}
del DRAWN_FAMILIES["CrossEntropyLoss"]

WITHOUT_IGNORED_PIXELS = (
    "FocalLoss",
    "DiceCELoss",
    "DiceFocalLoss",
    "GeneralizedDiceLoss",
    "GeneralizedDiceFocalLoss",
)
WITHOUT_WEIGHTS = ("TverskyLoss", "GeneralizedDiceLoss")


# Chosen arguments.

DICE_ARGUMENTS = [
    {},
    {"include_background": False},
    {"squared_pred": True},
    {"jaccard": True},
    {"batch": True, "smooth_nr": 0.0, "smooth_dr": 1e-3},
    {"squared_pred": True, "jaccard": True, "include_background": False, "smooth_nr": 1.0, "smooth_dr": 2.0},
]


def chosen_arguments(family):
    """Six sets of arguments per family."""
    if family == "DiceLoss":
        return DICE_ARGUMENTS
    if family == "CrossEntropyLoss":
        return [{}, {}, {}, {"label_smoothing": 0.1}, {"label_smoothing": 0.5}, {}]
    if family.startswith("FocalLoss"):
        return [{}, {"gamma": 0.5}, {"include_background": False}, {"alpha": 0.25}, {"gamma": 3.0, "alpha": [0.1, 0.7, 0.4]}, {"gamma": 0.0}]
    own = {"DiceCELoss": [{"lambda_dice": 0.3, "lambda_ce": 1.7}, {"label_smoothing": 0.2}],
           "DiceFocalLoss": [{"gamma": 1.0, "lambda_dice": 0.3}, {"alpha": 0.75, "lambda_focal": 2.0}]}[family.split()[0]]
    return [arguments | (own[index % 2] if index in (2, 3, 4) else {}) for index, arguments in enumerate(DICE_ARGUMENTS)]


def draw(images, longest, classes, ignore, equal_counts):
    shape = [int(length) for length in torch.randint(2, longest + 1, (2,))]
    logits = 2 * torch.randn(images, classes, *shape)
    target = torch.randint(0, classes, (images, *shape))
    if ignore and equal_counts:
        for image in target:
            image.view(-1)[torch.randperm(image.numel())[: image.numel() // 3]] = IGNORE
    elif ignore:
        target[torch.rand(target.shape) < 0.3] = IGNORE
        target[1] = IGNORE
    return logits, target


class Cases:
    """Cases of one golden file."""

    def __init__(self):
        self.tensors, self.cases = {}, []

    def add(self, family, loss, logits, target, weight, arguments):
        logits.requires_grad_()
        value = loss(logits, target, weight, arguments)
        value.backward()
        key = f"{len(self.cases):03}"
        self.tensors |= {f"{key}/logits": logits, f"{key}/target": target, f"{key}/value": value, f"{key}/gradient": logits.grad}
        self.cases.append({"key": key, "name": family, "arguments": arguments, "weight": weight})

    def save(self, path):
        save(path, self.tensors, {"cases": self.cases})


def draw_weight(classes):
    return [round(float(value), 3) for value in 2 * torch.rand(classes)]


def write_chosen(path):
    torch.manual_seed(0)
    cases = Cases()
    for family, loss in FAMILIES.items():
        gathers = "valid" in family
        ignores = [True] if gathers else [False] if family in WITHOUT_IGNORED_PIXELS else [False, True]
        for arguments, weighted, ignore in itertools.product(chosen_arguments(family), [False, True], ignores):
            # MONAI takes no weight for a single class, which is what two are without background.
            fewest = 2 if arguments.get("include_background", True) else 3
            classes = len(arguments["alpha"]) if isinstance(arguments.get("alpha"), list) else int(torch.randint(fewest, 6, ()))
            weight = draw_weight(classes) if weighted else None
            logits, target = draw(3, 6, classes, ignore, gathers and not arguments.get("batch"))
            cases.add(family, loss, logits, target, weight, arguments)
    cases.save(path)


# Drawn arguments.

DRAWS = 8


def draw_arguments(family, classes, rng):
    """Each argument at its default, or drawn."""
    overlap = {"include_background": [False], "sigmoid": [True], "batch": [True], "reduction": ["sum"],
               "smooth_nr": [0.0, 1e-3, 1.0], "smooth_dr": [1e-3, 1.0]}
    dice = overlap | {"squared_pred": [True], "jaccard": [True]}
    generalized = overlap | {"w_type": ["simple", "uniform"]}
    ratio = [0.25, 0.5, 1.5]
    name = family.split()[0]
    choices = {
        "DiceLoss": dice,
        "DiceCELoss": dice | {"lambda_dice": ratio, "lambda_ce": ratio, "label_smoothing": [0.1]},
        "DiceFocalLoss": dice | {"lambda_dice": ratio, "lambda_focal": ratio, "gamma": [0.5, 1.0, 3.5], "alpha": [0.25, "list"]},
        "FocalLoss": {"include_background": [False], "use_softmax": [False], "reduction": ["sum"], "gamma": [0.5, 1.0, 3.5], "alpha": [0.25, "list"]},
        "TverskyLoss": overlap | {"alpha": [0.0, 0.3, 1.0], "beta": [0.7, 2.0]},
        "GeneralizedDiceLoss": generalized,
        "GeneralizedDiceFocalLoss": generalized | {"lambda_gdl": ratio, "lambda_focal": ratio, "gamma": [0.5, 1.0, 3.5]},
    }[name]
    arguments = {argument: rng.choice(values) for argument, values in choices.items() if rng.random() < 0.5}
    included = classes - (not arguments.get("include_background", True))
    if name == "FocalLoss" and arguments.get("alpha") == 0.25 and included < classes and arguments.get("use_softmax", True):
        # MONAI ignores it; here it is an error.
        del arguments["alpha"]
    if arguments.get("alpha") == "list":
        arguments["alpha"] = [round(rng.random(), 3) for _ in range(included)]
    return arguments


def write_drawn(path):
    torch.manual_seed(1)
    rng = random.Random(1)
    cases = Cases()
    for family, loss in DRAWN_FAMILIES.items():
        for index in range(DRAWS):
            classes = rng.randint(3, 5)
            arguments = draw_arguments(family, classes, rng)
            weight = draw_weight(classes) if index % 2 and family.split()[0] not in WITHOUT_WEIGHTS else None
            # The sum of a focal loss is over the means of the images, which the pixels of the whole batch do not give.
            by_image = not arguments.get("batch") or "Focal" in family
            logits, target = draw(2, 4, classes, family not in WITHOUT_IGNORED_PIXELS, "valid" in family and by_image)
            if index % 3:
                # Lacks a class in one image, or in all.
                lacking = target[:1] if index % 3 == 1 else target
                absent = rng.randrange(classes)
                lacking[lacking == absent] = (absent + 1) % classes
            cases.add(family, loss, logits, target, weight, arguments)
    cases.save(path)


def write(folder):
    write_chosen(folder / "losses.safetensors")
    write_drawn(folder / "losses_drawn.safetensors")
