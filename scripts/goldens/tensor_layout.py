"""Layout, joining, indexing and matrix products."""

import numpy as np
import torch
from torch.nn import functional as F

from golden import Draw, case


def one(function, **options):
    return lambda x: function(*x.values(), **options)


def layout():
    drawn = {"input": Draw("layout").eighths(2, 3, 4)}
    for op, label, options, compute in (
        ("reshape", "", {"shape": [4, 6]}, lambda t: t.reshape(4, 6)),
        ("reshape", "inferred size", {"shape": [3, -1]}, lambda t: t.reshape(3, -1)),
        ("view", "", {"shape": [-1, 4]}, lambda t: t.view(-1, 4)),
        ("flatten", "", {"startDim": 1}, lambda t: t.flatten(1)),
        ("transpose", "", {"dim0": 0, "dim1": -1}, lambda t: t.transpose(0, -1)),
        ("permute", "", {"dims": [2, 0, 1]}, lambda t: t.permute(2, 0, 1)),
        ("unsqueeze", "", {"dim": -2}, lambda t: t.unsqueeze(-2)),
        ("slice", "with a step", {"dim": 2, "start": 1, "end": 4, "step": 2}, lambda t: t[:, :, 1:4:2]),
        ("slice", "from the end", {"dim": 1, "start": -2}, lambda t: t[:, -2:]),
        ("narrow", "", {"dim": 1, "start": 1, "length": 2}, lambda t: t.narrow(1, 1, 2)),
        ("select", "", {"dim": 1, "index": -1}, lambda t: t.select(1, -1)),
        ("flip", "", {"dims": [0, 2]}, lambda t: t.flip(0, 2)),
        ("split", "uneven", {"splitSize": 3, "dim": 2}, lambda t: t.split(3, 2)),
        ("split", "by sizes", {"splitSize": [1, 2], "dim": 1}, lambda t: t.split([1, 2], 1)),
        ("chunk", "uneven", {"chunks": 2, "dim": 1}, lambda t: t.chunk(2, 1)),
        ("repeat", "", {"repeats": [2, 1, 1, 2]}, lambda t: t.repeat(2, 1, 1, 2)),
        ("roll", "", {"shifts": 2, "dims": 2}, lambda t: t.roll(2, 2)),
    ):
        yield case(op, label, drawn, lambda x, compute=compute: compute(x["input"]), options)
    thin = {"input": Draw("thin").eighths(3, 1, 4)}
    yield case("squeeze", "", {"input": Draw("squeeze").eighths(1, 3, 1)}, lambda x: x["input"].squeeze())
    yield case("squeeze", "one dim", thin, lambda x: x["input"].squeeze(1), {"dim": 1})
    yield case("expand", "", thin, lambda x: x["input"].expand(2, 3, 5, 4), {"shape": [2, 3, 5, 4]})
    yield case(
        "pad",
        "",
        {"input": Draw("pad").eighths(2, 3)},
        lambda x: F.pad(x["input"], (1, 2, 0, 1), value=0.5),
        {"pad": [1, 2, 0, 1], "value": 0.5},
    )
    draw = Draw("join")
    parts = {"a": draw.eighths(2, 3), "b": draw.eighths(2, 1), "c": draw.eighths(2, 2)}
    yield case("cat", "", parts, lambda x: torch.cat(list(x.values()), 1), {"dim": 1})
    yield case(
        "cat",
        "with an empty part",
        {"a": draw.eighths(2, 3), "b": np.zeros((0, 3))},
        lambda x: torch.cat(list(x.values()), 0),
        {"dim": 0},
    )
    yield case(
        "stack",
        "",
        {"a": draw.eighths(2, 3), "b": draw.eighths(2, 3)},
        lambda x: torch.stack(list(x.values()), -1),
        {"dim": -1},
    )
    for op, function in (("tril", torch.tril), ("triu", torch.triu)):
        for diagonal in (-1, 0, 2):
            yield case(
                op,
                f"diagonal {diagonal}",
                {"input": Draw(op).eighths(2, 3, 4)},
                one(function, diagonal=diagonal),
                {"diagonal": diagonal},
            )


def indexing():
    draw = Draw("indexing")
    index = draw.integers(0, 4, 3, 5)
    yield case(
        "gather",
        "dim 0",
        {"input": draw.eighths(4, 6), "index": index},
        lambda x: x["input"].gather(0, x["index"]),
        {"dim": 0},
    )
    yield case(
        "gather",
        "dim 1, fewer rows",
        {"input": draw.eighths(4, 6), "index": draw.integers(0, 6, 2, 3)},
        lambda x: x["input"].gather(1, x["index"]),
        {"dim": 1},
    )
    for dim, size in ((0, 4), (1, 6)):
        yield case(
            "scatterAdd",
            f"dim {dim}, with repeats",
            {"input": draw.eighths(4, 6), "index": draw.integers(0, size, 3, 5), "src": draw.eighths(3, 5)},
            lambda x, dim=dim: x["input"].scatter_add(dim, x["index"], x["src"]),
            {"dim": dim},
        )
    for dim, size in ((0, 4), (1, 3)):
        yield case(
            "indexSelect",
            f"dim {dim}, with repeats",
            {"input": draw.eighths(4, 3, 2), "index": np.array([2, 0, 2, size - 1])},
            lambda x, dim=dim: x["input"].index_select(dim, x["index"]),
            {"dim": dim},
        )
    yield case(
        "oneHot", "", {"input": np.array([[0, 2], [4, 1]])}, lambda x: F.one_hot(x["input"], 5), {"numClasses": 5}
    )


MATMULS = [
    ("vector, vector", (5,), (5,)),
    ("matrix, vector", (3, 5), (5,)),
    ("vector, matrix", (5,), (5, 3)),
    ("matrix, matrix", (3, 5), (5, 4)),
    ("batch, matrix", (2, 3, 5), (5, 4)),
    ("matrix, batch", (3, 5), (2, 5, 4)),
    ("batch, batch", (2, 3, 5), (2, 5, 4)),
    ("batch, vector", (2, 3, 5), (5,)),
    ("vector, batch", (5,), (2, 5, 3)),
    ("broadcast batches", (2, 1, 3, 4), (3, 4, 2)),
    ("one row", (1, 7), (7, 3)),
    ("one column", (4, 7), (7, 1)),
    ("inner size 1", (3, 1), (1, 4)),
    ("inner size 0", (2, 0), (0, 3)),
    ("no rows", (0, 3), (3, 2)),
    ("odd sizes", (9, 17), (17, 7)),
]

EINSUMS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("ij,jk", (3, 4), (4, 5)),
    ("ji,kj->ik", (4, 3), (5, 4)),
    ("ij->ji", (3, 4)),
    ("ij->", (3, 4)),
    ("ij->j", (3, 4)),
    ("i,j->ij", (3,), (4,)),
    ("i,i->", (5,), (5,)),
    ("ii->i", (4, 4)),
    ("ii", (4, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("...ij,jk->...ik", (2, 3, 4), (4, 5)),
    ("bi,ij,bj->b", (2, 3), (3, 4), (2, 4)),
]


def products():
    for label, left, right in MATMULS:
        draw = Draw("matmul " + label)
        yield case("matmul", label, {"input": draw.normal(*left), "other": draw.normal(*right)}, one(torch.matmul))
    draw = Draw("bmm")
    yield case("bmm", "", {"input": draw.normal(3, 2, 5), "mat2": draw.normal(3, 5, 4)}, one(torch.bmm))
    for equation, *shapes in EINSUMS:
        draw = Draw("einsum " + equation)
        operands = {name: draw.normal(*shape) for name, shape in zip("abc", shapes)}
        yield case(
            "einsum",
            equation,
            operands,
            lambda x, equation=equation: torch.einsum(equation, *x.values()),
            {"equation": equation},
        )
    fourth = {"input": draw.normal(2, 3), "mat1": draw.normal(2, 4), "mat2": draw.normal(4, 3)}
    yield case("addmm", "", fourth, one(torch.addmm))


def cases():
    for group in (layout, indexing, products):
        yield from group()
