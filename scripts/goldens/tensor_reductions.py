"""Reductions, softmax, cumulative sums, sorting: ops that look along a dimension."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from golden import Draw, case, float32, snake

NAN, INF = math.nan, math.inf

DIMS = [
    ("all", {}),
    ("last", {"dim": -1}),
    ("first", {"dim": 0}),
    ("middle, kept", {"dim": 1, "keepdim": True}),
    ("two", {"dim": [0, 2]}),
]


def along(function, options):
    return lambda x: function(x["input"], **snake(options))


def variance(function):
    """PyTorch 1.13 has no correction without a dim; all dims in a list mean the same."""
    return lambda x, dim=None, **rest: function(x, dim=list(range(x.dim())) if dim is None else dim, **rest)


def sums():
    for op, function in (("sum", torch.sum), ("mean", torch.mean)):
        for label, options in DIMS:
            yield case(op, label, {"input": Draw(op + label).normal(2, 3, 4)}, along(function, options), options)
    yield case(
        "sum",
        "a long row",
        {"input": Draw("long row").normal(1, 517)},
        along(torch.sum, {"dim": 1}),
        {"dim": 1},
        gradients=False,
    )
    yield case("sum", "of nothing", {"input": np.zeros((2, 0, 3))}, along(torch.sum, {"dim": 1}), {"dim": 1})
    yield case(
        "mean", "of nothing", {"input": np.zeros((2, 0))}, along(torch.mean, {"dim": 1}), {"dim": 1}, gradients=False
    )
    yield case(
        "sum", "int32", {"input": Draw("sum int32").integers(-9, 9, 3, 4)}, along(torch.sum, {"dim": 0}), {"dim": 0}
    )
    for label, options in DIMS[:4]:
        yield case(
            "prod", label, {"input": Draw("prod" + label).uniform(-2, 2, 2, 3, 4)}, along(torch.prod, options), options
        )
    zeros = np.array([[1.5, 0.0, -2.0], [0.0, 3.0, 0.0], [2.0, -1.0, 0.5]])
    yield case("prod", "no, one and two zeros", {"input": zeros}, along(torch.prod, {"dim": 1}), {"dim": 1})
    for dim in (0, 1, -1):
        yield case(
            "cumsum",
            f"dim {dim}",
            {"input": Draw(f"cumsum {dim}").normal(2, 3, 4)},
            along(torch.cumsum, {"dim": dim}),
            {"dim": dim},
        )


def extremes():
    for op, whole, indexed in (("max", torch.amax, torch.max), ("min", torch.amin, torch.min)):
        values = {"input": Draw(op).distinct(2, 3, 4)}
        yield case(op, "all", values, lambda x, whole=whole: whole(x["input"]))
        for label, options in DIMS[1:4]:
            yield case(op, f"{label}, with indices", values, along(indexed, options), options)
        broken = {"input": np.array([[1.0, NAN, 3.0], [INF, -INF, 0.0], [-INF, -INF, -INF]])}
        yield case(
            op,
            "special values",
            broken,
            lambda x, indexed=indexed: indexed(x["input"], dim=1).values,
            {"dim": 1},
            gradients=False,
        )
    ties = {"input": np.array([[2.0, 2.0, 1.0], [0.5, 3.0, 3.0], [3.0, -1.0, 0.0]])}
    for op, function in (("amax", torch.amax), ("amin", torch.amin)):
        for label, options in DIMS:
            yield case(op, label, {"input": Draw(op + label).distinct(2, 3, 4)}, along(function, options), options)
        yield case(op, "ties share the gradient", ties, along(function, {"dim": 1}), {"dim": 1})
    truth = {"input": np.array([[True, False], [True, True], [False, False]])}
    for op, function in (("any", torch.any), ("all", torch.all)):
        for label, options in DIMS[:3]:
            yield case(op, label, truth, along(function, options), options)
    for op, function in (("argmax", torch.argmax), ("argmin", torch.argmin)):
        values = {"input": Draw(op).distinct(2, 3, 4)}
        for label, options in DIMS[:4]:
            yield case(op, label, values, along(function, options), options)
        yield case(
            op, "NaN is the answer", {"input": np.array([1.0, NAN, 3.0, -INF])}, along(function, {}), gradients=False
        )


def norms():
    for label, options in (
        ("unbiased, all", {}),
        ("unbiased, last", {"dim": -1}),
        ("biased, last", {"dim": -1, "correction": 0}),
        ("unbiased, two, kept", {"dim": [0, 1], "keepdim": True}),
        ("biased, first", {"dim": 0, "correction": 0}),
    ):
        for op, function in (("var", variance(torch.var)), ("std", variance(torch.std))):
            drawn = {"input": Draw(op + label).normal(2, 3, 4)}
            compute = lambda x, function=function, options=options: function(x["input"], **{"correction": 1, **options})
            yield case(op, label, drawn, compute, options)
    far = Draw("var far").normal(2, 9, scale=0.5) + 1000.0
    yield case(
        "var",
        "far from zero",
        {"input": float32(far)},
        along(variance(torch.var), {"dim": 1, "correction": 1}),
        {"dim": 1},
    )
    yield case(
        "std",
        "a constant row has gradient zero",
        {"input": np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])},
        along(variance(torch.std), {"dim": 1, "correction": 1}),
        {"dim": 1},
    )
    for p in (1, 2):
        for label, options in DIMS:
            drawn = {"input": Draw(f"norm {p} {label}").normal(2, 3, 4)}
            yield case(
                "norm",
                f"p {p}, {label}",
                drawn,
                along(torch.linalg.vector_norm, {"ord": p, **options}),
                {"p": p, **options},
            )
        yield case(
            "norm", f"p {p}, at zero", {"input": np.zeros(4)}, along(torch.linalg.vector_norm, {"ord": p}), {"p": p}
        )
    yield case(
        "norm",
        "p inf",
        {"input": Draw("norm inf").distinct(3, 5)},
        along(torch.linalg.vector_norm, {"ord": INF, "dim": 1}),
        {"p": INF, "dim": 1},
    )


def softmaxes():
    for op, function in (("softmax", F.softmax), ("logSoftmax", F.log_softmax)):
        for dim in (0, 1, 2, -1):
            yield case(
                op,
                f"dim {dim}",
                {"input": Draw(f"{op} {dim}").normal(2, 3, 4, scale=2)},
                along(function, {"dim": dim}),
                {"dim": dim},
            )
        large = {"input": np.array([[1000.0, 1001.0, 999.0], [-1000.0, -1000.5, -1003.0]])}
        yield case(op, "large inputs do not overflow", large, along(function, {"dim": 1}), {"dim": 1})
        masked = {"input": np.array([[0.5, -INF, 1.5, -INF], [-INF, -INF, -INF, 2.0]])}
        yield case(
            op,
            "minus infinity takes no part",
            masked,
            along(function, {"dim": 1}),
            {"dim": 1},
            gradients=op == "softmax",
        )
        yield case(op, "one element", {"input": np.array([[3.0], [-7.5]])}, along(function, {"dim": 1}), {"dim": 1})
    for label, options in DIMS[1:]:
        yield case(
            "logsumexp",
            label,
            {"input": Draw("lse" + label).normal(2, 3, 4, scale=2)},
            along(torch.logsumexp, options),
            options,
        )
    yield case(
        "logsumexp",
        "large inputs do not overflow",
        {"input": np.array([[1000.0, 1000.5], [-1000.0, -1001.0]])},
        along(torch.logsumexp, {"dim": 1}),
        {"dim": 1},
    )
    yield case(
        "logsumexp",
        "infinities",
        {"input": np.array([[-INF, -INF], [-INF, 2.0], [INF, 1.0], [NAN, 1.0]])},
        along(torch.logsumexp, {"dim": 1}),
        {"dim": 1},
        gradients=False,
    )


def ordering():
    for label, options in (
        ("ascending", {"dim": -1}),
        ("descending", {"dim": -1, "descending": True}),
        ("first", {"dim": 0}),
    ):
        yield case("sort", label, {"input": Draw("sort" + label).distinct(4, 7)}, along(torch.sort, options), options)
    ties = {"input": np.array([2.0, 1.0, 2.0, 1.0, 3.0, 1.0])}
    yield case("sort", "stable", ties, along(torch.sort, {"stable": True}), {"stable": True})
    yield case(
        "sort",
        "stable and descending",
        ties,
        along(torch.sort, {"stable": True, "descending": True}),
        {"stable": True, "descending": True},
    )
    yield case(
        "sort",
        "NaN is greatest",
        {"input": np.array([1.0, NAN, -INF, INF, 0.0])},
        lambda x: torch.sort(x["input"]).values,
        gradients=False,
    )
    for label, options in (
        ("largest", {"k": 3}),
        ("smallest", {"k": 2, "largest": False}),
        ("first dim", {"k": 2, "dim": 0}),
        ("all of them", {"k": 7, "dim": 1}),
    ):
        yield case("topk", label, {"input": Draw("topk" + label).distinct(4, 7)}, along(torch.topk, options), options)


def cases():
    for group in (sums, extremes, norms, softmaxes, ordering):
        yield from group()
