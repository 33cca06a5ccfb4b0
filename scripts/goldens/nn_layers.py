"""The plain layers of nn and its functions: Linear, Embedding, norms, cross entropy, scaled dot-product attention."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden import Draw, case, float32, layer, snake


def call(x, module):
    return module(x["input"])


def linear():
    for label, bias, shape in (
        ("", True, (3, 5)),
        ("without bias, three dims", False, (2, 3, 5)),
        ("one vector", True, (5,)),
    ):
        options = {"inFeatures": 5, "outFeatures": 4, "bias": bias}
        yield layer(
            "Linear",
            label,
            lambda bias=bias: nn.Linear(5, 4, bias),
            call,
            {"input": Draw("Linear " + label).normal(*shape)},
            options,
        )


def embedding():
    ids = {"input": np.array([[1, 4, 0, 6], [2, 2, 0, 5]])}
    yield layer(
        "Embedding", "repeated ids", lambda: nn.Embedding(7, 3), call, ids, {"numEmbeddings": 7, "embeddingDim": 3}
    )
    yield layer(
        "Embedding",
        "the padding row takes no gradient",
        lambda: nn.Embedding(7, 3, padding_idx=2),
        call,
        ids,
        {"numEmbeddings": 7, "embeddingDim": 3, "paddingIdx": 2},
    )
    yield layer(
        "Embedding",
        "padding counted from the end",
        lambda: nn.Embedding(7, 3, padding_idx=-1),
        call,
        ids,
        {"numEmbeddings": 7, "embeddingDim": 3, "paddingIdx": -1},
    )


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich 2019); PyTorch has it since 2.4."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return x * (x.square().mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight


def norms():
    for label, shape, options in (
        ("last dim", (2, 3, 7), {"normalizedShape": 7}),
        ("two dims", (3, 2, 5), {"normalizedShape": [2, 5]}),
        ("larger eps", (4, 6), {"normalizedShape": 6, "eps": 0.1}),
        ("without weight and bias", (4, 6), {"normalizedShape": 6, "elementwiseAffine": False}),
    ):
        yield layer(
            "LayerNorm",
            label,
            lambda options=options: nn.LayerNorm(**snake(options)),
            call,
            {"input": Draw("LayerNorm " + label).normal(*shape, scale=2)},
            options,
        )
    offset = Draw("offset").normal(2, 8, scale=0.5) + 100.0
    yield layer(
        "LayerNorm",
        "far from zero",
        lambda: nn.LayerNorm(8),
        call,
        {"input": float32(offset)},
        {"normalizedShape": 8},
    )
    for eps in (1e-6, 0.1):
        yield layer(
            "RMSNorm",
            f"eps {eps}",
            lambda eps=eps: RMSNorm(7, eps),
            call,
            {"input": Draw(f"RMSNorm {eps}").normal(2, 3, 7)},
            {"normalizedShape": 7, "eps": eps},
        )


def functional():
    draw = Draw("functional")
    logits, targets = draw.normal(5, 7, scale=2), np.array([3, 0, -100, 6, 3])
    weight = draw.uniform(0.2, 2, 7)
    for label, options, weighted in (
        ("mean", {}, False),
        ("sum", {"reduction": "sum"}, False),
        ("none", {"reduction": "none"}, False),
        ("weights, smoothing", {"labelSmoothing": 0.1}, True),
    ):
        inputs = {"input": logits, "target": targets, **({"weight": weight} if weighted else {})}
        yield case(
            "crossEntropy",
            label,
            inputs,
            lambda x, options=options: F.cross_entropy(x["input"], x["target"], x.get("weight"), **snake(options)),
            options,
            frozen=("weight",),
        )
    yield case(
        "linear",
        "",
        {"input": draw.normal(3, 5), "weight": draw.normal(4, 5), "bias": draw.normal(4)},
        lambda x: F.linear(*x.values()),
    )
    yield case(
        "embedding", "", {"input": np.array([0, 3, 3]), "weight": draw.normal(4, 3)}, lambda x: F.embedding(*x.values())
    )
    yield case(
        "layerNorm",
        "",
        {"input": draw.normal(3, 5), "weight": draw.normal(5), "bias": draw.normal(5)},
        lambda x: F.layer_norm(x["input"], (5,), x["weight"], x["bias"]),
        {"normalizedShape": [5]},
    )


def activations():
    for op, module, function, options in (
        ("ELU", nn.ELU, F.elu, {"alpha": 0.7}),
        ("Hardtanh", nn.Hardtanh, F.hardtanh, {"minVal": -0.5, "maxVal": 0.8}),
        ("GLU", nn.GLU, F.glu, {"dim": 1}),
        ("LogSigmoid", nn.LogSigmoid, None, {}),
        ("Softplus", nn.Softplus, None, {}),
        ("Flatten", nn.Flatten, None, {"startDim": 1, "endDim": -1}),
    ):
        inputs = {"input": Draw("activation " + op).normal(2, 4, 3, scale=2)}
        yield case(op, "", inputs, call, options, build=lambda module=module, options=options: module(**snake(options)), parameters={})
        if function:
            yield case(
                op.lower(),
                "",
                inputs,
                lambda x, function=function, options=options: function(x["input"], **snake(options)),
                options,
            )
    far = {"input": np.array([-1000.0, 1000.0, 0.0])}
    yield case("elu", "far from zero", far, lambda x: F.elu(x["input"]))


def attention(x, causal=False, scale=None):
    """softmax(q k^T scale + mask) v, written out: PyTorch has it as one function since 2.0."""
    query, key = x["query"], x["key"]
    scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
    mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril() if causal else x.get("attnMask")
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1) @ x["value"]


def attentions():
    def heads(label, queries=3, keys=3):
        draw = Draw("attention " + label)
        return draw, {
            "query": draw.normal(2, 2, queries, 4),
            "key": draw.normal(2, 2, keys, 4),
            "value": draw.normal(2, 2, keys, 3),
        }

    name = "scaledDotProductAttention"
    yield case(name, "", heads("plain")[1], attention)
    yield case(name, "scale", heads("scale")[1], lambda x: attention(x, scale=0.3), {"scale": 0.3})
    yield case(name, "causal", heads("causal", 5, 5)[1], lambda x: attention(x, causal=True), {"isCausal": True})
    draw, inputs = heads("mask", 3, 5)
    allowed = draw.booleans(2, 1, 3, 5) | (np.arange(5) == 2)
    yield case(name, "boolean mask, true takes part", {**inputs, "attnMask": allowed}, attention)
    yield case(name, "float mask is added", {**inputs, "attnMask": draw.normal(3, 5)}, attention, frozen=("attnMask",))


def cases():
    for group in (linear, embedding, norms, functional, attentions, activations):
        yield from group()
