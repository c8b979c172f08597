"""Parameters after steps of torch.optim, and rates of torch.optim.lr_scheduler."""
import json

import torch

from golden_file import VERSIONS

OPTIMIZERS = [
    ("SGD", {}, None),
    ("SGD", {"momentum": 0.9}, 0.01),
    ("SGD", {"momentum": 0.9, "nesterov": True}, 0.001),
    ("Adam", {}, None),
    ("Adam", {"betas": [0.8, 0.99], "eps": 1e-6}, 0.1),
    ("AdamW", {}, None),
    ("AdamW", {"betas": [0.95, 0.9]}, 0.0),
]

SHAPES = [(3, 2, 2), (5,)]


def optimizer_cases():
    for seed, (name, arguments, weight_decay) in enumerate(OPTIMIZERS):
        generator = torch.Generator().manual_seed(seed)
        draw = lambda: [torch.randn(shape, generator=generator) for shape in SHAPES]
        parameters = [value.requires_grad_() for value in draw()]
        initial = [value.detach().flatten().tolist() for value in parameters]
        given = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
        if weight_decay is not None:
            given["weight_decay"] = weight_decay
        optimizer = getattr(torch.optim, name)(parameters, lr=0.1, **given)
        gradients, rates, after = [], [], []
        for step in range(5):
            rate = 0.1 / (1 + step)
            optimizer.param_groups[0]["lr"] = rate
            for parameter, gradient in zip(parameters, draw()):
                parameter.grad = gradient
            gradients.append([parameter.grad.flatten().tolist() for parameter in parameters])
            rates.append(rate)
            optimizer.step()
            after.append([parameter.detach().flatten().tolist() for parameter in parameters])
        yield dict(name=name, arguments=arguments, weight_decay=weight_decay, shapes=SHAPES, initial=initial,
                   gradients=gradients, rates=rates, after=after)


SCHEDULES = [
    ("constant", {}),
    ("step", {"step_size": 2, "gamma": 0.5}),
    ("step", {"step_size": 3}),
    ("poly", {}),
    ("poly", {"power": 0.9}),
    ("cosine", {}),
    ("one_cycle", {}),
    ("one_cycle", {"pct_start": 0.5, "div_factor": 10, "final_div_factor": 100}),
]

EPOCHS, BATCHES = 6, 5


def scheduler(name, arguments, optimizer):
    schedulers = torch.optim.lr_scheduler
    steps = EPOCHS * BATCHES
    match name:
        case "constant":
            return schedulers.ConstantLR(optimizer, factor=1.0)
        case "step":
            return schedulers.StepLR(optimizer, **arguments)
        case "poly":
            return schedulers.PolynomialLR(optimizer, total_iters=steps, **arguments)
        case "cosine":
            return schedulers.CosineAnnealingLR(optimizer, T_max=steps)
        case "one_cycle":
            return schedulers.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, **arguments)


def schedule_cases():
    for name, arguments in SCHEDULES:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = scheduler(name, arguments, optimizer)
        factors = []
        for step in range(EPOCHS * BATCHES):
            factors.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            # The schedules of epochs are stepped after each, the others after each batch.
            if name != "step" or (step + 1) % BATCHES == 0:
                if step + 1 < EPOCHS * BATCHES:
                    schedule.step()
        yield dict(name=name, arguments=arguments, epochs=EPOCHS, batches=BATCHES, factors=factors)


PLATEAU_SCORES = [0.1, 0.2, 0.2, 0.2000001, 0.19, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.31]


def plateau_cases():
    for arguments in [{"patience": 1, "factor": 0.5}, {"patience": 2}, {"patience": 0, "threshold": 0.1}]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", eps=0.0, **arguments)
        factors = []
        for score in PLATEAU_SCORES:
            schedule.step(score)
            factors.append(optimizer.param_groups[0]["lr"])
        yield dict(arguments=arguments, scores=PLATEAU_SCORES, factors=factors)


def write(folder):
    content = dict(optimizers=list(optimizer_cases()), schedules=list(schedule_cases()), plateaus=list(plateau_cases()),
                   versions=VERSIONS)
    (folder / "optim.json").write_text(json.dumps(content, indent=1) + "\n")
