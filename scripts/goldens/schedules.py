"""Learning rates: the rate in force at step 0, 1, 2, …, when the schedule is stepped once after each."""

import torch
from torch.optim import lr_scheduler

from golden import DIGITS, number, plain, snake
from reference_optimizers import inverse_sqrt, linear_warmup

STEPS, LR = 24, 0.5
METRICS = [
    1,
    0.9,
    0.95,
    0.9,
    0.9,
    0.8999,
    0.7,
    0.7,
    0.71,
    0.72,
    0.73,
    0.74,
    0.6,
    0.61,
    0.62,
    0.63,
    0.64,
    0.65,
    0.66,
    0.67,
]

# schedule, label, options
TABLE = [
    ("StepLR", "", {"stepSize": 5, "gamma": 0.3}),
    ("MultiStepLR", "", {"milestones": [3, 7, 7, 15], "gamma": 0.5}),
    ("ExponentialLR", "", {"gamma": 0.8}),
    ("CosineAnnealingLR", "", {"tMax": 23, "etaMin": 0.05}),
    ("CosineAnnealingLR", "past its end", {"tMax": 8}),
    ("CosineAnnealingWarmRestarts", "", {"t0": 5}),
    ("CosineAnnealingWarmRestarts", "longer each time", {"t0": 4, "tMult": 2, "etaMin": 0.01}),
    ("LinearLR", "", {"startFactor": 0.25, "endFactor": 1.0, "totalIters": 10}),
    ("ConstantLR", "", {"factor": 0.5, "totalIters": 6}),
    ("PolynomialLR", "", {"totalIters": 12, "power": 2}),
    ("OneCycleLR", "", {"maxLr": 1.0, "totalSteps": 24}),
    (
        "OneCycleLR",
        "linear, three phases",
        {
            "maxLr": 1.0,
            "totalSteps": 24,
            "pctStart": 0.25,
            "annealStrategy": "linear",
            "divFactor": 10,
            "finalDivFactor": 100,
            "threePhase": True,
        },
    ),
]

PLATEAU = [
    ("", {"factor": 0.5, "patience": 2}),
    ("cooldown, floor", {"factor": 0.1, "patience": 1, "cooldown": 2, "minLr": 0.01}),
    (
        "max, absolute threshold",
        {"mode": "max", "factor": 0.5, "patience": 3, "threshold": 0.05, "thresholdMode": "abs"},
    ),
]

# PyTorch spells these in a way that no rule turns into camelCase
SPELLING = {"t_max": "T_max", "t0": "T_0", "t_mult": "T_mult"}


def build(kind, lr=LR, **options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    named = {SPELLING.get(key, key): value for key, value in snake(options).items()}
    return optimizer, kind(optimizer, **named)


def rates(optimizer, advance, steps):
    found = []
    for step in range(steps):
        found.append(number(float(f"{optimizer.param_groups[0]['lr']:.{DIGITS}g}")))
        optimizer.step()
        if step + 1 < steps:
            advance(step)
    return found


def record(op, label, options, values, **extra):
    return {
        "name": f"{op}: {label}" if label else op,
        "op": op,
        "options": plain(options),
        "lr": LR,
        **extra,
        "rates": values,
    }


def cases():
    for op, label, options in TABLE:
        optimizer, schedule = build(getattr(lr_scheduler, op), **options)
        yield record(op, label, options, rates(optimizer, lambda step: schedule.step(), STEPS))
    optimizer, schedule = build(lr_scheduler.LambdaLR, lrLambda=lambda step: 0.9**step / (1 + step))
    yield record("LambdaLR", "0.9 ** step / (1 + step)", {}, rates(optimizer, lambda step: schedule.step(), STEPS))
    for label, options in PLATEAU:
        optimizer, schedule = build(lr_scheduler.ReduceLROnPlateau, **options)
        yield record(
            "ReduceLROnPlateau",
            label,
            options,
            rates(optimizer, lambda step: schedule.step(METRICS[step]), len(METRICS) + 1),
            metrics=METRICS,
        )
    for op, factor in (("linearWarmup", linear_warmup), ("inverseSqrt", inverse_sqrt)):
        for steps in (0, 6):
            options = {"warmupSteps": steps}
            values = [number(float(f"{LR * factor(step, **options):.{DIGITS}g}")) for step in range(STEPS)]
            yield record(op, f"{steps} steps of warm-up", options, values)
