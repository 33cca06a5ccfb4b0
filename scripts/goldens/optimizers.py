"""Trajectories: the parameters after each of ten steps on fixed gradients, for every optimizer and its options."""

import numpy as np
import torch

from golden import Draw, compared, given, plain, snake
from reference_optimizers import lamb, lion, novograd

STEPS, SHAPES, ROWS = 10, ((2, 3), (4,)), 6


def problems():
    """What the optimizers are given: parameters, and the gradients of each step (null: the parameter has none)."""
    draw = Draw("optimizers")
    parameters = [draw.normal(*shape) for shape in SHAPES]
    dense = [[draw.normal(*shape) for shape in SHAPES] for _ in range(STEPS)]
    gaps = [[a, None if step in (0, 4, 5) else b] for step, (a, b) in enumerate(dense)]
    dense[3][1] = np.zeros(SHAPES[1])
    ids = [draw.integers(0, ROWS, 4) for _ in range(STEPS)]
    ids[2][:] = ids[2][0]
    return {
        "dense": {"parameters": parameters, "gradients": dense},
        "gaps": {"parameters": parameters, "gradients": gaps},
        "sparse": {"parameters": [draw.normal(ROWS, 2)], "gradients": [[(rows, draw.normal(4, 2))] for rows in ids]},
    }


def described(problem):
    """A row-sparse gradient is { rows, values }: row ids with repeats, and a row of values for each."""

    def one(g):
        return None if g is None else {"rows": given(g[0]), "values": given(g[1])} if isinstance(g, tuple) else given(g)

    return {
        "parameters": [given(p) for p in problem["parameters"]],
        "gradients": [[one(g) for g in step] for step in problem["gradients"]],
    }


def gradient(value, like):
    if isinstance(value, tuple):
        rows, values = value
        return torch.sparse_coo_tensor(torch.tensor(rows)[None], torch.tensor(values, dtype=like.dtype), like.shape)
    return None if value is None else torch.tensor(value, dtype=like.dtype)


def pytorch(kind):
    """A runner of PyTorch's own class; `groups` overrides options for each parameter."""

    def run(parameters, gradients, groups=None, **options):
        leaves = [p.requires_grad_() for p in parameters]
        entries = [{"params": [p], **snake(extra)} for p, extra in zip(leaves, groups)] if groups else leaves
        optimizer = kind(entries, **snake(options))
        for step in gradients:
            for p, g in zip(leaves, step):
                p.grad = gradient(g, p)
            optimizer.step()
            yield [p.detach().clone() for p in leaves]

    return run


def written(rule):
    def run(parameters, gradients, groups=None, **options):
        states = [{} for _ in parameters]
        for step in gradients:
            for i, (p, g, state) in enumerate(zip(parameters, step, states)):
                if g is not None:
                    rule([p], [gradient(g, p)], [state], **{**options, **(groups[i] if groups else {})})
            yield [p.clone() for p in parameters]

    return run


RUNNERS = {
    **{
        name: pytorch(getattr(torch.optim, name))
        for name in ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "SparseAdam", "RAdam")
    },
    "LAMB": written(lamb),
    "NovoGrad": written(novograd),
    "Lion": written(lion),
}

GROUPS = [{"lr": 0.05, "weightDecay": 0.1}, {}]

# optimizer, label, options, problem
TABLE = [
    ("SGD", "plain", {"lr": 0.1}, "dense"),
    ("SGD", "momentum", {"lr": 0.1, "momentum": 0.9}, "dense"),
    ("SGD", "dampening", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}, "dense"),
    ("SGD", "nesterov, decay", {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weightDecay": 0.1}, "dense"),
    ("SGD", "groups", {"lr": 0.1, "groups": GROUPS}, "dense"),
    ("SGD", "momentum, missing gradients", {"lr": 0.1, "momentum": 0.9, "weightDecay": 0.1}, "gaps"),
    ("SGD", "row-sparse", {"lr": 0.1}, "sparse"),
    ("Adam", "defaults", {"lr": 0.1}, "dense"),
    ("Adam", "L2, amsgrad", {"lr": 0.1, "betas": [0.8, 0.95], "weightDecay": 0.1, "amsgrad": True}, "dense"),
    ("Adam", "large eps", {"lr": 0.1, "eps": 0.1}, "dense"),
    ("Adam", "missing gradients", {"lr": 0.1}, "gaps"),
    ("AdamW", "defaults", {"lr": 0.1}, "dense"),
    ("AdamW", "GPT", {"lr": 0.1, "betas": [0.9, 0.95], "weightDecay": 0.1}, "dense"),
    ("AdamW", "amsgrad", {"lr": 0.1, "betas": [0.8, 0.9], "weightDecay": 0.2, "amsgrad": True}, "dense"),
    ("AdamW", "groups", {"lr": 0.1, "weightDecay": 0, "groups": GROUPS}, "dense"),
    ("Adagrad", "plain", {"lr": 0.1}, "dense"),
    (
        "Adagrad",
        "all options",
        {"lr": 0.1, "lrDecay": 0.1, "weightDecay": 0.1, "initialAccumulatorValue": 0.5, "eps": 0.01},
        "dense",
    ),
    ("Adagrad", "row-sparse", {"lr": 0.1}, "sparse"),
    ("RMSprop", "plain", {"lr": 0.01}, "dense"),
    ("RMSprop", "centered", {"lr": 0.01, "alpha": 0.9, "centered": True}, "dense"),
    (
        "RMSprop",
        "momentum, decay",
        {"lr": 0.01, "alpha": 0.9, "momentum": 0.8, "weightDecay": 0.1, "eps": 0.001},
        "dense",
    ),
    ("SparseAdam", "defaults", {"lr": 0.1}, "sparse"),
    ("SparseAdam", "betas", {"lr": 0.1, "betas": [0.8, 0.9], "eps": 0.01}, "sparse"),
    ("RAdam", "defaults", {"lr": 0.1}, "dense"),
    ("RAdam", "soon rectified, L2", {"lr": 0.1, "betas": [0.8, 0.9], "weightDecay": 0.1}, "dense"),
    ("LAMB", "defaults", {"lr": 0.1}, "dense"),
    ("LAMB", "small clamp, decay", {"lr": 0.1, "betas": [0.8, 0.95], "weightDecay": 0.2, "clampValue": 0.5}, "dense"),
    ("LAMB", "without bias correction", {"lr": 0.1, "biasCorrection": False}, "dense"),
    ("LAMB", "missing gradients", {"lr": 0.1}, "gaps"),
    ("NovoGrad", "plain", {"lr": 0.1, "betas": [0.95, 0.98]}, "dense"),
    (
        "NovoGrad",
        "gradient averaging, decay",
        {"lr": 0.1, "betas": [0.9, 0.9], "weightDecay": 0.1, "gradAveraging": True},
        "dense",
    ),
    ("NovoGrad", "amsgrad", {"lr": 0.1, "betas": [0.9, 0.5], "amsgrad": True}, "dense"),
    ("Lion", "plain", {"lr": 0.01}, "dense"),
    ("Lion", "decay", {"lr": 0.05, "betas": [0.8, 0.9], "weightDecay": 0.3}, "dense"),
]


def cases():
    """`outputs`: for each parameter its values after every step, [step, ...shape]."""
    available = problems()
    for op, label, options, problem in TABLE:

        def run(dtype):
            parameters = [torch.tensor(p, dtype=dtype) for p in available[problem]["parameters"]]
            steps = list(RUNNERS[op](parameters, available[problem]["gradients"], **options))
            return [torch.stack(values) for values in zip(*steps)]

        name = f"{op}: {label}"
        yield {
            "name": name,
            "op": op,
            "options": plain(options),
            "problem": problem,
            "outputs": [compared(name, a, b) for a, b in zip(run(torch.float64), run(torch.float32))],
        }


def head():
    return {"problems": {name: described(problem) for name, problem in problems().items()}}
