"""metrics.safetensors: pairs of class masks, and what MONAI's metrics give for them.

Each case is one metric with its arguments on one data set. Its tensor has two rows: the values of all reductions, one
after the other in the order of REDUCTIONS, and their not-NaN counts. `pooled` is the metric of the data set as one image.
"""
import itertools
import json
import warnings

import monai
import torch
from monai.metrics.confusion_matrix import check_confusion_matrix_metric_name
from safetensors.torch import save_file

IGNORE = 255
REDUCTIONS = ["none", "mean", "sum", "mean_batch", "sum_batch", "mean_channel", "sum_channel"]
NAMES = ["sensitivity", "recall", "hit rate", "true positive rate", "tpr", "specificity", "selectivity", "true negative rate", "tnr",
         "precision", "positive predictive value", "ppv", "negative predictive value", "npv", "miss rate", "false negative rate", "fnr",
         "fall out", "false positive rate", "fpr", "false discovery rate", "fdr", "false omission rate", "for", "prevalence threshold",
         "pt", "threat score", "critical success index", "ts", "csi", "accuracy", "acc", "balanced accuracy", "ba", "f1 score", "f1",
         "matthews correlation coefficient", "mcc", "fowlkes mallows index", "fm", "informedness", "bookmaker informedness", "bm",
         "youden index", "youden", "markedness", "deltap", "mk"]


def blobs(images, classes, height, width):
    """Masks of a few rectangles per class, on background."""
    masks = torch.zeros(images, height, width, dtype=torch.uint8)
    for mask, _ in itertools.product(masks, range(3 * classes)):
        top, left = int(torch.randint(height, ())), int(torch.randint(width, ()))
        rows, columns = (int(side) for side in torch.randint(1, 6, (2,)))
        mask[top:top + rows, left:left + columns] = torch.randint(classes, ())
    return masks


def disturbed(masks, classes, share):
    noise = torch.randint(classes, masks.shape, dtype=torch.uint8)
    moved = torch.roll(masks, (1, 2), (1, 2))
    return torch.where(torch.rand(masks.shape) < share, noise, moved)


def data_sets():
    """Returns the number of classes, the truth and the prediction of each data set."""
    truth = blobs(4, 4, 17, 23)
    yield "blobs", 4, truth, disturbed(truth, 4, 0.02)

    truth = blobs(3, 3, 14, 11)
    prediction = disturbed(truth, 3, 0.3)
    truth[torch.rand(truth.shape) < 0.2] = IGNORE
    truth[1, 5:, :4] = IGNORE
    yield "ignored pixels", 3, truth, prediction

    # Images: class 2 is missed; class 2 is falsely predicted; background alone; full of class 1 and so predicted; full of
    # class 1, but predicted as class 2; all pixels ignored; the only pixel of class 2 is ignored.
    truth = torch.zeros(7, 6, 7, dtype=torch.uint8)
    prediction = truth.clone()
    truth[0, 1:4, 2:5], prediction[0, 1:4, 2:4], truth[0, 5, 6] = 1, 1, 2
    truth[1, 1:4, 2:5], prediction[1, 2:5, 2:5], prediction[1, 0, 0:2] = 1, 1, 2
    truth[3], prediction[3] = 1, 1
    truth[4], prediction[4] = 1, 2
    truth[5], prediction[5, 2:4, 2:4] = IGNORE, 1
    truth[6, 0, 0], prediction[6, 0, 0], prediction[6, 5, :3] = IGNORE, 2, 1
    yield "empty, full and missing classes", 4, truth, prediction

    truth = (torch.rand(3, 1, 19) < 0.4).to(torch.uint8)
    yield "one row", 2, truth, disturbed(truth, 2, 0.5)


def one_hot(masks, classes):
    """One channel per class; ignored pixels are zero in all, which is how MONAI knows them."""
    return torch.stack([(masks == index).float() for index in range(classes)], 1)


def fill(metric, y_pred, y):
    metric.reset()
    metric(y_pred=y_pred, y=y)
    return metric


def reduced(metric, y_pred, y):
    """The values and not-NaN counts of all reductions."""
    fill(metric, y_pred, y)
    results = [metric.aggregate(reduction=reduction) for reduction in REDUCTIONS]
    return torch.stack([torch.cat([part.float().reshape(-1) for part in parts]) for parts in zip(*results)])


def pooled(metric, y_pred, y):
    as_one = [tensor.transpose(0, 1).flatten(1)[None, :, None] for tensor in (y_pred, y)]
    return fill(metric, *as_one).get_buffer().reshape(-1)


def confusion(y_pred, y, arguments):
    """The scores of all names, one block of values per name; all four counts have the same not-NaN count."""
    names = sorted({check_confusion_matrix_metric_name(name) for name in NAMES})
    metric = monai.metrics.ConfusionMatrixMetric(metric_name=names, get_not_nans=True, ignore_index=IGNORE, **arguments)
    fill(metric, y_pred, y)
    blocks = []
    for reduction, index in itertools.product(REDUCTIONS, range(len(names))):
        values, not_nans = metric.aggregate(reduction=reduction)[index]
        if not arguments["compute_sample"]:
            not_nans = not_nans[..., 0]
        blocks.append(torch.stack([values.float().reshape(-1), not_nans.float().reshape(-1)]))
    return names, torch.cat(blocks, 1)


def generalized_dice(y_pred, y, arguments):
    """Its reduction is fixed at construction. It has no not-NaN counts: they are those of its buffer."""
    parts = []
    for reduction in REDUCTIONS:
        metric = monai.metrics.GeneralizedDiceScore(reduction=reduction, ignore_index=IGNORE, **arguments)
        values = fill(metric, y_pred, y).aggregate().reshape(-1)
        counts = monai.metrics.utils.do_metric_reduction(metric.get_buffer().clone(), reduction)[1].reshape(-1)
        parts.append(torch.stack([values, counts.float()]))
    whole = pooled(monai.metrics.GeneralizedDiceScore(ignore_index=IGNORE, **arguments), y_pred, y)
    return torch.cat(parts, 1), whole


def combinations(**values):
    return [dict(zip(values, chosen)) for chosen in itertools.product(*values.values())]


def cases(classes, y_pred, y):
    """Yields the metric's name, its arguments, its two rows and, where the metric is pooled, the pooled values."""
    both = [False, True]
    for name, arguments in itertools.product(["DiceMetric", "MeanIoU"], combinations(include_background=both, ignore_empty=both)):
        metric = getattr(monai.metrics, name)(get_not_nans=True, ignore_index=IGNORE, **arguments)
        yield name, arguments, reduced(metric, y_pred, y), pooled(metric, y_pred, y)
    for arguments in combinations(include_background=both, weight_type=["square", "simple", "uniform"]):
        yield "GeneralizedDiceScore", arguments, *generalized_dice(y_pred, y, arguments)
    for arguments in combinations(include_background=both, compute_sample=both):
        names, rows = confusion(y_pred, y, arguments)
        yield "ConfusionMatrixMetric", arguments | {"names": names}, rows, None
    for arguments in combinations(include_background=both, percentile=[None, 95.0, 33.3, 0.0], directed=both):
        metric = monai.metrics.HausdorffDistanceMetric(get_not_nans=True, ignore_index=IGNORE, **arguments)
        yield "HausdorffDistanceMetric", arguments, reduced(metric, y_pred, y), None
    for arguments in combinations(include_background=both, symmetric=both):
        metric = monai.metrics.SurfaceDistanceMetric(get_not_nans=True, ignore_index=IGNORE, **arguments)
        yield "SurfaceDistanceMetric", arguments, reduced(metric, y_pred, y), None
    for include_background, first in itertools.product(both, [0.0, 1.0, 1.4142135]):
        thresholds = [first + index for index in range(classes - (not include_background))]
        arguments = {"include_background": include_background, "class_thresholds": thresholds}
        metric = monai.metrics.SurfaceDiceMetric(get_not_nans=True, ignore_index=IGNORE, **arguments)
        yield "SurfaceDiceMetric", arguments, reduced(metric, y_pred, y), None


def write(folder):
    torch.manual_seed(0)
    warnings.filterwarnings("ignore", message=".*may result in nan/inf distance.*")
    tensors, described = {}, []
    for number, (name, classes, truth, prediction) in enumerate(data_sets()):
        y_pred, y = one_hot(prediction, classes), one_hot(truth, classes)
        tensors |= {f"{number}/truth": truth, f"{number}/prediction": prediction}
        metrics = []
        for index, (metric, arguments, rows, whole) in enumerate(cases(classes, y_pred, y)):
            tensors[f"{number}/{index}"] = rows
            if whole is not None:
                tensors[f"{number}/{index}/pooled"] = whole
            metrics.append({"metric": metric, "arguments": arguments})
        described.append({"name": name, "classes": classes, "cases": metrics})
    aliases = {name: check_confusion_matrix_metric_name(name) for name in NAMES}
    description = {"reductions": REDUCTIONS, "data_sets": described, "aliases": aliases,
                   "monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / "metrics.safetensors", metadata={"golden": json.dumps(description)})
