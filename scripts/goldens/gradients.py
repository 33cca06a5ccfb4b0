"""Gradient clipping as PyTorch does it, and the results PCGrad may give."""

import itertools
import math

import numpy as np
import torch

from golden import Draw, compared, computed, given, plain, snake
from reference_optimizers import pcgrad


def clipped(function, values, dtype):
    leaves = [torch.zeros(value.shape, dtype=dtype, requires_grad=True) for value in values]
    for p, g in zip(leaves, values):
        p.grad = torch.tensor(g, dtype=dtype)
    result = function(leaves)
    return [p.grad for p in leaves] + ([] if result is None else [result])


def record(op, label, values, function, options):
    name = f"{op}: {label}"
    wide, narrow = clipped(function, values, torch.float64), clipped(function, values, torch.float32)
    return {
        "name": name,
        "op": op,
        "options": plain(options),
        "inputs": {str(i): given(value) for i, value in enumerate(values)},
        "outputs": [compared(name, a, b) for a, b in zip(wide, narrow)],
    }


def clipping():
    """Outputs: the gradients afterwards, then (clipGradNorm) the total norm before."""
    draw = Draw("clipping")
    values = [draw.normal(2, 3), draw.normal(5, scale=3), draw.normal()]
    for norm in (1, 2, 3, math.inf):
        for maximum in (1, 100):
            options = {"maxNorm": maximum, "normType": norm}
            yield record(
                "clipGradNorm",
                f"norm {norm}, at most {maximum}",
                values,
                lambda leaves, options=options: torch.nn.utils.clip_grad_norm_(leaves, **snake(options)),
                options,
            )
    yield record(
        "clipGradNorm",
        "all zero",
        [np.zeros(3), np.zeros(2)],
        lambda leaves: torch.nn.utils.clip_grad_norm_(leaves, 1.0),
        {"maxNorm": 1},
    )
    yield record(
        "clipGradValue", "", values, lambda leaves: torch.nn.utils.clip_grad_value_(leaves, 0.5), {"clipValue": 0.5}
    )


def surgery():
    """`anyOf`: each order of the other tasks is allowed, so any of these sums is right (one row an outcome)."""
    for label, gradients in (
        ("two tasks in conflict", [[1.0, 0.0, 0.5], [-1.0, 1.0, 0.25]]),
        ("two tasks in agreement", [[1.0, 0.0, 0.5], [0.5, 1.0, 0.25]]),
        ("three tasks", Draw("three tasks").normal(3, 4).tolist()),
        ("three tasks, all against each other", [[1.0, 0.25, 0.0], [-0.75, 1.0, 0.5], [-0.5, -1.0, 0.75]]),
        ("a task without gradient", [[1.0, -1.0], [0.0, 0.0], [-0.5, 1.0]]),
    ):
        tasks = range(len(gradients))
        each = [list(itertools.permutations([j for j in tasks if j != i])) for i in tasks]
        given_gradients = torch.tensor(gradients, dtype=torch.float64).float().double()
        outcomes = {tuple(pcgrad(given_gradients, orders).tolist()) for orders in itertools.product(*each)}
        yield {
            "name": f"PCGrad: {label}",
            "op": "PCGrad",
            "options": {},
            "inputs": {"gradients": given(given_gradients.numpy())},
            "anyOf": computed(np.array(sorted(outcomes))),
        }


def cases():
    yield from clipping()
    yield from surgery()
