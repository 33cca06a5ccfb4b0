"""Elementwise ops: unary maths, arithmetic with broadcasting, comparison and selection."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from golden import Draw, case, float32, snake

NAN, INF = math.nan, math.inf

# op, PyTorch's function, range of the inputs (inside the domain, away from kinks)
UNARY = [
    ("neg", torch.neg, -3, 3),
    ("abs", torch.abs, -3, 3),
    ("sign", torch.sign, -3, 3),
    ("square", torch.square, -3, 3),
    ("sqrt", torch.sqrt, 0.05, 9),
    ("rsqrt", torch.rsqrt, 0.05, 9),
    ("reciprocal", torch.reciprocal, 0.2, 4),
    ("exp", torch.exp, -6, 4),
    ("expm1", torch.expm1, -2, 2),
    ("log", torch.log, 0.01, 12),
    ("log1p", torch.log1p, -0.9, 6),
    ("log2", torch.log2, 0.01, 12),
    ("sin", torch.sin, -7, 7),
    ("cos", torch.cos, -7, 7),
    ("tanh", torch.tanh, -5, 5),
    ("sigmoid", torch.sigmoid, -9, 9),
    ("logSigmoid", F.logsigmoid, -9, 9),
    ("softplus", F.softplus, -9, 9),
    ("erf", torch.erf, -3, 3),
    ("relu", torch.relu, -3, 3),
    ("silu", F.silu, -9, 9),
    ("floor", torch.floor, -3, 3),
    ("ceil", torch.ceil, -3, 3),
    ("round", torch.round, -3, 3),
    ("trunc", torch.trunc, -3, 3),
]

# ops whose value at these points is part of their meaning: -inf, -1, -0, 0, 1, inf, NaN
SPECIAL_UNARY = [
    "neg",
    "abs",
    "square",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "exp",
    "expm1",
    "log",
    "log1p",
    "log2",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "erf",
    "relu",
    "floor",
    "ceil",
    "trunc",
]

ARITHMETIC = [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div)]
COMPARISONS = [
    ("eq", torch.eq),
    ("ne", torch.ne),
    ("lt", torch.lt),
    ("le", torch.le),
    ("gt", torch.gt),
    ("ge", torch.ge),
]
BROADCASTS = [
    ("same shape", (3, 5), (3, 5)),
    ("row", (2, 3, 5), (5,)),
    ("column", (3, 5), (3, 1)),
    ("scalar", (3, 5), ()),
    ("both sides", (3, 1, 5), (4, 1)),
]


def one(function, **options):
    return lambda x: function(*x.values(), **options)


def unary():
    functions = {op: function for op, function, _, _ in UNARY}
    for op, function, low, high in UNARY:
        yield case(op, "", {"input": Draw(op).uniform(low, high, 3, 7)}, one(function))
    for op in SPECIAL_UNARY:
        yield case(
            op,
            "special values",
            {"input": np.array([-INF, -1.0, -0.0, 0.0, 1.0, INF, NAN])},
            one(functions[op]),
            gradients=False,
        )
    yield case("round", "halves go to even", {"input": np.arange(-3.5, 4.0, 1.0)}, one(torch.round), gradients=False)
    kinks = {"input": np.array([-1.0, -0.0, 0.0, 1.0])}
    for op in ("abs", "relu", "sign"):
        yield case(op, "gradient at the kink", kinks, one(functions[op]))
    yield case("sqrt", "gradient at zero is infinite", {"input": np.array([0.0, 4.0])}, one(torch.sqrt))
    for op, low, high in (("softplus", 15, 40), ("logSigmoid", -95, -60), ("sigmoid", -60, -20), ("silu", -60, -20)):
        yield case(op, "far out", {"input": Draw(op + " far").uniform(low, high, 6)}, one(functions[op]))
    for approximate in ("none", "tanh"):
        yield case(
            "gelu",
            approximate,
            {"input": Draw("gelu").uniform(-5, 5, 3, 7)},
            one(F.gelu, approximate=approximate),
            {"approximate": approximate},
        )
    yield case(
        "leakyRelu",
        "",
        {"input": Draw("leakyRelu").uniform(-3, 3, 9)},
        one(F.leaky_relu, negative_slope=0.2),
        {"negativeSlope": 0.2},
    )
    yield case("isnan", "", {"input": np.array([NAN, INF, -INF, 0.0, 1.5])}, one(torch.isnan), gradients=False)
    yield case("isfinite", "", {"input": np.array([NAN, INF, -INF, 0.0, 1.5])}, one(torch.isfinite), gradients=False)
    yield case("logicalNot", "", {"input": np.array([True, False, True])}, one(torch.logical_not))


def arithmetic():
    for op, function in ARITHMETIC:
        for label, left, right in BROADCASTS:
            draw = Draw(op + label)
            other = draw.uniform(0.3, 3, *right) if op == "div" else draw.normal(*right)
            yield case(op, label, {"input": draw.normal(*left), "other": other}, one(function))
    specials = {
        "input": np.array([INF, INF, -INF, 0.0, 0.0, 1.0, -1.0, NAN, 1.0]),
        "other": np.array([INF, -INF, 2.0, INF, 0.0, 0.0, 0.0, 1.0, NAN]),
    }
    for op, function in ARITHMETIC:
        yield case(op, "special values", specials, one(function), gradients=False)
    whole = {
        "input": np.array([7, -7, 7, -7, 0, 5], dtype=np.int32),
        "other": np.array([2, 2, -2, -2, 3, 5], dtype=np.int32),
    }
    for op, function in ARITHMETIC[:3]:
        yield case(op, "int32", whole, one(function))
    draw = Draw("division")
    parts = {"input": draw.normal(11, scale=5), "other": draw.uniform(0.5, 2, 11) * np.where(np.arange(11) % 2, 1, -1)}
    for mode in ("floor", "trunc"):
        options = {"roundingMode": mode}
        yield case("div", f"rounded by {mode}", parts, one(torch.div, **snake(options)), options, gradients=False)
        yield case("div", f"int32 rounded by {mode}", whole, one(torch.div, **snake(options)), options)
    yield case("remainder", "takes the divisor's sign", parts, one(torch.remainder), gradients=False)
    yield case("remainder", "int32", whole, one(torch.remainder))
    yield from powers()


def powers():
    draw = Draw("pow")
    yield case(
        "pow", "tensor exponent", {"input": draw.uniform(0.2, 3, 3, 5), "exponent": draw.normal(5)}, one(torch.pow)
    )
    for exponent in (-1, 0, 0.5, 1.7, 2, 3):
        options = {"exponent": exponent}
        base = draw.uniform(0.2, 3, 7) if exponent in (0.5, 1.7) else draw.uniform(-3, 3, 7)
        yield case("pow", f"scalar exponent {exponent}", {"input": base}, one(torch.pow, **options), options)
    yield case(
        "pow", "gradient at base zero", {"input": np.array([0.0, -2.0])}, one(torch.pow, exponent=2), {"exponent": 2}
    )
    corners = {
        "input": np.array([0.0, 0.0, 0.0, NAN, 1.0, -8.0, -2.0, -2.0, INF, INF, -INF, 0.5, 2.0]),
        "exponent": np.array([0.0, 2.0, -1.0, 0.0, NAN, 1 / 3, 3.0, 2.0, -1.0, 0.5, 3.0, INF, -INF]),
    }
    yield case(
        "pow",
        "special values",
        {key: float32(value) for key, value in corners.items()},
        one(torch.pow),
        gradients=False,
    )


def comparison():
    values = {
        "input": np.array([1.0, 2.0, 2.0, NAN, NAN, INF, -INF, -0.0]),
        "other": np.array([2.0, 1.0, 2.0, NAN, 1.0, INF, INF, 0.0]),
    }
    draw = Draw("comparison")
    wide = {"input": draw.integers(0, 3, 3, 1, 4).astype(np.int32), "other": draw.integers(0, 3, 2, 1).astype(np.int32)}
    for op, function in COMPARISONS:
        yield case(op, "special values", values, one(function), gradients=False)
        yield case(op, "int32 broadcast", wide, one(function))
    truth = {"input": np.array([True, True, False, False]), "other": np.array([True, False, True, False])}
    for op, function in (
        ("logicalAnd", torch.logical_and),
        ("logicalOr", torch.logical_or),
        ("logicalXor", torch.logical_xor),
    ):
        yield case(op, "", truth, one(function))


def selection():
    for op, function in (("maximum", torch.maximum), ("minimum", torch.minimum)):
        draw = Draw(op)
        yield case(op, "broadcast", {"input": draw.normal(3, 5), "other": draw.normal(3, 1)}, one(function))
        yield case(
            op,
            "a tie shares the gradient",
            {"input": np.array([1.0, 2.0, 0.0]), "other": np.array([1.0, 1.0, 0.0])},
            one(function),
        )
        yield case(
            op,
            "NaN wins",
            {"input": np.array([NAN, 1.0, INF, -INF]), "other": np.array([1.0, NAN, 1.0, 1.0])},
            one(function),
            gradients=False,
        )
    values = {"input": np.array([-2.0, -0.5, -0.25, 0.0, 0.75, 1.5])}
    for label, options in (
        ("both bounds, inclusive", {"min": -0.5, "max": 0.75}),
        ("lower bound", {"min": -0.25}),
        ("upper bound", {"max": 0.0}),
    ):
        yield case("clamp", label, values, one(torch.clamp, **options), options)
    yield case(
        "clamp",
        "special values",
        {"input": np.array([-INF, INF, NAN])},
        one(torch.clamp, min=-1, max=2),
        {"min": -1, "max": 2},
        gradients=False,
    )
    draw = Draw("where")
    choice = {"condition": draw.booleans(3, 1, 5), "input": draw.normal(4, 5), "other": draw.normal(3, 4, 1)}
    yield case("where", "broadcast", choice, one(torch.where))
    hidden = {
        "condition": np.array([True, False, True, False]),
        "input": np.array([1.0, NAN, 2.0, INF]),
        "other": np.array([NAN, 3.0, -INF, 4.0]),
    }
    yield case("where", "what is not chosen does not matter, NaN included", hidden, one(torch.where))
    filled = {"input": draw.normal(3, 5), "mask": draw.booleans(5)}
    yield case("maskedFill", "broadcast mask", filled, one(torch.masked_fill, value=-1.5), {"value": -1.5})
    yield case("maskedFill", "minus infinity", filled, one(torch.masked_fill, value=-INF), {"value": -INF})
    yield case(
        "lerp", "", {"input": draw.normal(3, 5), "end": draw.normal(5)}, one(torch.lerp, weight=0.3), {"weight": 0.3}
    )


def cases():
    for group in (unary, arithmetic, comparison, selection):
        yield from group()
