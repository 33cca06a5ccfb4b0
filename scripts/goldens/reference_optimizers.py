"""The optimizers PyTorch does not have (or has not had for long), written straight from their papers.

Each rule changes the parameters in place, given their gradients and a dict of state for each parameter.
"""

import math

import torch


def lamb(
    parameters,
    gradients,
    states,
    lr,
    betas=(0.9, 0.999),
    eps=1e-6,
    weightDecay=0.01,
    clampValue=10,
    biasCorrection=True,
):
    """You et al., arXiv 1904.00962, algorithm 2: Adam's step plus decay, scaled by min(|p|, clampValue) / |step|."""
    first, second = betas
    for p, g, state in zip(parameters, gradients, states):
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = first * state.get("m", 0) + (1 - first) * g
        v = state["v"] = second * state.get("v", 0) + (1 - second) * g * g
        if biasCorrection:
            m, v = m / (1 - first**t), v / (1 - second**t)
        update = m / (v.sqrt() + eps) + weightDecay * p
        size, length = p.norm().clamp(max=clampValue), update.norm()
        ratio = size / length if size > 0 and length > 0 else 1
        p -= lr * ratio * update


def novograd(
    parameters, gradients, states, lr, betas=(0.9, 0.999), eps=1e-8, weightDecay=0, gradAveraging=False, amsgrad=False
):
    """Ginsburg et al., arXiv 1905.11286: one second moment a tensor, the gradient normalised before the first."""
    first, second = betas
    for p, g, state in zip(parameters, gradients, states):
        square = (g * g).sum()
        v = state["v"] = second * state["v"] + (1 - second) * square if "v" in state else square
        if amsgrad:
            v = state["largest"] = torch.maximum(state.get("largest", v), v)
        scaled = g / (v.sqrt() + eps) + weightDecay * p
        m = state["m"] = first * state.get("m", 0) + (1 - first if gradAveraging else 1) * scaled
        p -= lr * m


def lion(parameters, gradients, states, lr, betas=(0.9, 0.99), weightDecay=0):
    """Chen et al., arXiv 2302.06675, algorithm 2: the sign of an interpolated momentum, with decoupled decay."""
    first, second = betas
    for p, g, state in zip(parameters, gradients, states):
        m = state.get("m", torch.zeros_like(p))
        p -= lr * ((first * m + (1 - first) * g).sign() + weightDecay * p)
        state["m"] = second * m + (1 - second) * g


def pcgrad(gradients, orders):
    """Yu et al., arXiv 2001.06782, algorithm 1: sums the task gradients, each projected against the others.

    `gradients` is [task, size], `orders[i]` the order in which task i meets the others.
    """
    total = torch.zeros_like(gradients[0])
    for own, order in zip(gradients, orders):
        running = own.clone()
        for other in (gradients[j] for j in order):
            dot = running.dot(other)
            if dot < 0:
                running = running - dot / other.dot(other) * other
        total = total + running
    return total


def linear_warmup(step, warmupSteps):
    """The factor rises from 1 / (warmupSteps + 1) to 1, reached at step `warmupSteps` (nanoGPT's form; never 0)."""
    return min(1.0, (step + 1) / (warmupSteps + 1))


def inverse_sqrt(step, warmupSteps):
    """Linear warm-up as above, then sqrt((warmupSteps + 1) / (step + 1)) (Vaswani et al. 2017, scaled to peak at 1)."""
    return min((step + 1) / (warmupSteps + 1), math.sqrt((warmupSteps + 1) / (step + 1)))
