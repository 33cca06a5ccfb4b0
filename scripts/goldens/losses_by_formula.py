"""Losses that PyTorch does not have and that are one direct formula: word vectors, perplexity, uncertainty."""

import numpy as np
import torch
from torch.nn import functional as F

from golden import REDUCTIONS, Draw, case, float32, reduced


def word_vectors():
    """Skip-gram with negative samples (Mikolov et al. 2013), and GloVe (Pennington et al. 2014)."""
    draw = Draw("word vectors")

    def skip_gram(x, reduction):
        target, context, negatives = x.values()
        good = F.logsigmoid((target * context).sum(-1))
        bad = F.logsigmoid(-(negatives @ target[:, :, None])[:, :, 0]).sum(-1)
        return reduced(-(good + bad), reduction)

    def glove(x, reduction, xMax=100.0, alpha=0.75):
        target, context, target_bias, context_bias, counts = x.values()
        error = (target * context).sum(-1) + target_bias.reshape(-1) + context_bias.reshape(-1) - counts.log()
        return reduced((counts / xMax).clamp(max=1) ** alpha * error**2, reduction)

    vectors = {"target": draw.normal(4, 5), "context": draw.normal(4, 5), "negatives": draw.normal(4, 3, 5)}
    far = {key: float32(value * 16) for key, value in vectors.items()}
    pairs = {
        "targetEmb": draw.normal(5, 4),
        "contextEmb": draw.normal(5, 4),
        "targetBias": draw.normal(5),
        "contextBias": draw.normal(5),
        "counts": np.array([1.0, 0.25, 100.0, 37.5, 2500.0]),
    }
    column = {**pairs, "targetBias": pairs["targetBias"][:, None], "contextBias": pairs["contextBias"][:, None]}
    for reduction in REDUCTIONS:
        yield case("Word2VecLoss", reduction, vectors, lambda x, r=reduction: skip_gram(x, r), {"reduction": reduction})
        yield case(
            "GloVeLoss",
            reduction,
            pairs,
            lambda x, r=reduction: glove(x, r),
            {"reduction": reduction},
            frozen=("counts",),
        )
    yield case(
        "Word2VecLoss",
        "far vectors",
        far,
        lambda x: skip_gram(x, "mean"),
    )
    yield case("GloVeLoss", "biases in a column", column, lambda x: glove(x, "mean"), frozen=("counts",))
    yield case(
        "GloVeLoss",
        "xMax, alpha",
        pairs,
        lambda x: glove(x, "mean", 10.0, 0.5),
        {"xMax": 10, "alpha": 0.5},
        frozen=("counts",),
    )


def perplexity():
    """exp of the mean cross entropy over the targets that count."""
    draw = Draw("perplexity")

    def compute(x, ignored=-100):
        logits = x["input"].reshape(-1, x["input"].shape[-1])
        return F.cross_entropy(logits, x["target"].reshape(-1), ignore_index=ignored).exp()

    yield case("PerplexityLoss", "[N, V]", {"input": draw.normal(5, 6), "target": draw.integers(0, 6, 5)}, compute)
    three = {"input": draw.normal(2, 3, 6, scale=2), "target": np.array([[0, 5, -100], [2, 2, 1]])}
    yield case("PerplexityLoss", "[B, T, V]", three, compute)
    yield case(
        "PerplexityLoss",
        "ignoreIndex",
        {**three, "target": np.array([[0, 5, 2], [2, 0, 1]])},
        lambda x: compute(x, 0),
        {"ignoreIndex": 0},
    )


def uncertainty():
    """Kendall et al. 2018, s = log(variance): exp(-s) L + s/2, and exp(-s) L / 2 + s/2 for regression."""
    draw = Draw("uncertainty")
    inputs = {name: draw.uniform(0.2, 3) for name in ("a", "b", "c")}
    parameters = {"log_variances": draw.normal(3)}
    for label, kinds in (
        ("classification", ["classification"] * 3),
        ("kinds", ["classification", "regression", "regression"]),
    ):
        scale = torch.tensor([1.0 if kind == "classification" else 0.5 for kind in kinds])
        options = {"numTasks": 3, **({"kinds": kinds} if label == "kinds" else {})}

        def weighted(x, p, scale=scale):
            s = p["log_variances"]
            return scale.to(s.dtype) * (-s).exp() * torch.stack(list(x.values())) + s / 2

        yield case(
            "UncertaintyWeightingLoss",
            label,
            inputs,
            lambda x, p, weighted=weighted: weighted(x, p).sum(),
            options,
            parameters,
        )
        yield case(
            "UncertaintyWeightingLoss.weighted",
            label,
            inputs,
            lambda x, p, weighted=weighted: list(weighted(x, p)),
            options,
            parameters,
        )


def cases():
    for group in (word_vectors, perplexity, uncertainty):
        yield from group()
