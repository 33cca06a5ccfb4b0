"""Losses that PyTorch has, under this project's names and options."""

import numpy as np
from torch.nn import functional as F

from golden import REDUCTIONS, Draw, case, float32, snake


def cross_entropy():
    def entry(op, label, inputs, options):
        python = {key: value for key, value in options.items() if key not in ("numClasses", "smoothing")}
        if "smoothing" in options:
            python["labelSmoothing"] = options["smoothing"]
        return case(
            op,
            label,
            inputs,
            lambda x: F.cross_entropy(x["input"], x["target"], x.get("weight"), **snake(python)),
            options,
            frozen=("weight",),
        )

    draw = Draw("cross entropy")
    rows = {"input": draw.normal(6, 5, scale=2), "target": np.array([3, 0, 4, -100, 1, 3])}
    line = {"input": draw.normal(2, 4, 3, scale=2), "target": np.array([[0, 3, -100], [2, -100, 1]])}
    weight = {"weight": draw.uniform(0.2, 2, 5)}
    for reduction in REDUCTIONS:
        yield entry("CrossEntropyLoss", reduction, rows, {"reduction": reduction})
        yield entry(
            "CrossEntropyLoss",
            f"weights, smoothing, {reduction}",
            {**rows, **weight},
            {"labelSmoothing": 0.1, "reduction": reduction},
        )
        yield entry(
            "CrossEntropyLoss",
            f"[N, C, L], smoothing, {reduction}",
            line,
            {"labelSmoothing": 0.2, "reduction": reduction},
        )
        yield entry("LabelSmoothingLoss", reduction, rows, {"numClasses": 5, "smoothing": 0.1, "reduction": reduction})
    yield entry("CrossEntropyLoss", "weights", {**rows, **weight}, {})
    yield entry("CrossEntropyLoss", "ignoreIndex", {**rows, "target": np.array([3, 0, 4, 2, 1, 3])}, {"ignoreIndex": 3})
    yield entry("CrossEntropyLoss", "[N, C, L], weights", {**line, "weight": draw.uniform(0.2, 2, 4)}, {})
    yield entry("CrossEntropyLoss", "one sample", {"input": draw.normal(5), "target": np.array(2)}, {})
    far = np.array([[1000.0, 0.0, -1000.0], [0.0, -500.0, 500.0], [1e4, 1e4, 0.0]])
    yield entry(
        "CrossEntropyLoss",
        "large logits do not overflow",
        {"input": far, "target": np.array([0, 1, 0])},
        {"reduction": "none"},
    )
    yield entry(
        "LabelSmoothingLoss",
        "ignoreIndex",
        {**rows, "target": np.array([3, 0, 4, 2, 0, 3])},
        {"numClasses": 5, "smoothing": 0.3, "ignoreIndex": 0},
    )
    yield entry("LabelSmoothingLoss", "no smoothing", rows, {"numClasses": 5, "smoothing": 0})


def nll():
    draw = Draw("nll")
    inputs = {"input": draw.uniform(-4, -0.1, 5, 4), "target": np.array([1, 3, -100, 0, 1])}
    for reduction in REDUCTIONS:
        yield case(
            "NLLLoss",
            reduction,
            inputs,
            lambda x, r=reduction: F.nll_loss(x["input"], x["target"], reduction=r),
            {"reduction": reduction},
        )
    yield case(
        "NLLLoss",
        "weights, ignoreIndex",
        {**inputs, "target": np.array([1, 3, 2, 0, 1]), "weight": draw.uniform(0.2, 2, 4)},
        lambda x: F.nll_loss(x["input"], x["target"], x["weight"], ignore_index=3),
        {"ignoreIndex": 3},
        frozen=("weight",),
    )


# loss, label, PyTorch's function, extra options
REGRESSION = [
    ("MSELoss", "", F.mse_loss, {}),
    ("L1Loss", "", F.l1_loss, {}),
    ("SmoothL1Loss", "", F.smooth_l1_loss, {"beta": 0.7}),
    ("HuberLoss", "", F.huber_loss, {}),
    ("HuberLoss", "delta", F.huber_loss, {"delta": 0.4}),
]


def regression():
    for op, label, function, extra in REGRESSION:
        draw = Draw(op)
        inputs = {"input": draw.normal(3, 4), "target": draw.normal(3, 4)}
        for reduction in REDUCTIONS:
            options = {**extra, "reduction": reduction}
            yield case(
                op,
                " ".join(filter(None, [label, reduction])),
                inputs,
                lambda x, function=function, options=options: function(x["input"], x["target"], **options),
                options,
            )
    ties = {"input": np.array([1.0, 2.0, 0.0]), "target": np.array([1.0, 1.0, 0.0])}
    yield case("L1Loss", "no gradient where equal", ties, lambda x: F.l1_loss(x["input"], x["target"]))


def binary():
    draw = Draw("binary")
    inputs = {"input": draw.normal(4, 3, scale=3), "target": draw.uniform(0, 1, 4, 3)}
    frozen = ("target", "weight", "posWeight")

    def compute(reduction):
        return lambda x: F.binary_cross_entropy_with_logits(
            x["input"], x["target"], x.get("weight"), pos_weight=x.get("posWeight"), reduction=reduction
        )

    for reduction in REDUCTIONS:
        yield case("BCEWithLogitsLoss", reduction, inputs, compute(reduction), {"reduction": reduction}, frozen=frozen)
    yield case(
        "BCEWithLogitsLoss",
        "posWeight",
        {**inputs, "posWeight": draw.uniform(0.3, 4, 3)},
        compute("mean"),
        frozen=frozen,
    )
    yield case(
        "BCEWithLogitsLoss",
        "weight and posWeight",
        {**inputs, "weight": draw.uniform(0.3, 2, 4, 1), "posWeight": draw.uniform(0.3, 4, 3)},
        compute("sum"),
        {"reduction": "sum"},
        frozen=frozen,
    )
    far = {"input": np.array([-1000.0, 1000.0, -90.0, 90.0]), "target": np.array([1.0, 0.0, 0.0, 1.0])}
    yield case(
        "BCEWithLogitsLoss", "large logits do not overflow", far, compute("none"), {"reduction": "none"}, frozen=frozen
    )


def distances():
    draw = Draw("divergence")
    p = draw.uniform(0.05, 1, 3, 4)
    p = float32(p / p.sum(-1, keepdims=True))
    p[0, 1] = 0.0
    q = draw.uniform(-4, -0.1, 3, 4)
    for reduction in (*REDUCTIONS, "batchmean"):
        yield case(
            "KLDivLoss",
            reduction,
            {"input": q, "target": p},
            lambda x, r=reduction: F.kl_div(x["input"], x["target"], reduction=r),
            {"reduction": reduction},
            frozen=("target",),
        )
    yield case(
        "KLDivLoss",
        "logTarget",
        {"input": q, "target": draw.uniform(-4, -0.1, 3, 4)},
        lambda x: F.kl_div(x["input"], x["target"], reduction="batchmean", log_target=True),
        {"logTarget": True, "reduction": "batchmean"},
        frozen=("target",),
    )
    pair = {"input1": draw.normal(5, 4), "input2": draw.normal(5, 4), "target": np.array([1, -1, 1, -1, -1])}
    for options in ({}, {"margin": 0.3}, {"reduction": "sum"}, {"margin": -0.5, "reduction": "none"}):
        label = ", ".join(f"{key} {value}" for key, value in options.items())
        yield case(
            "CosineEmbeddingLoss",
            label,
            pair,
            lambda x, options=options: F.cosine_embedding_loss(*x.values(), **options),
            options,
        )
    triple = {"anchor": draw.normal(5, 4), "positive": draw.normal(5, 4), "negative": draw.normal(5, 4)}
    for options in ({}, {"margin": 0.3, "reduction": "sum"}, {"p": 1, "reduction": "none"}, {"swap": True}):
        label = ", ".join(f"{key} {value}" for key, value in options.items())
        yield case(
            "TripletMarginLoss",
            label,
            triple,
            lambda x, options=options: F.triplet_margin_loss(*x.values(), **options),
            options,
        )


def likelihoods():
    draw = Draw("likelihoods")
    frozen = ("target", "weight")
    probabilities = {"input": draw.uniform(0.02, 0.98, 3, 4), "target": draw.uniform(0, 1, 3, 4)}
    for reduction in REDUCTIONS:
        yield case(
            "BCELoss",
            reduction,
            {**probabilities, "weight": draw.uniform(0.3, 2, 3, 1)},
            lambda x, r=reduction: F.binary_cross_entropy(x["input"], x["target"], x["weight"], reduction=r),
            {"reduction": reduction},
            frozen=frozen,
        )
    certain = {"input": np.array([0.0, 1.0, 0.0, 1.0]), "target": np.array([0.0, 1.0, 1.0, 0.0])}
    yield case(
        "BCELoss",
        "certain probabilities",
        certain,
        lambda x: F.binary_cross_entropy(x["input"], x["target"], reduction="none"),
        {"reduction": "none"},
        gradients=False,
    )
    counts = {"input": draw.uniform(0.1, 2, 3, 4), "target": np.array([[0.0, 1, 2, 5], [3, 0, 7, 1], [1, 1, 4, 2]])}
    for options in ({}, {"full": True}, {"logInput": False, "reduction": "sum"}, {"logInput": False, "full": True}):
        label = ", ".join(f"{key} {value}" for key, value in options.items())
        yield case(
            "PoissonNLLLoss",
            label,
            counts,
            lambda x, options=options: F.poisson_nll_loss(x["input"], x["target"], **snake(options)),
            options,
            frozen=frozen,
        )
    normal = {"input": draw.normal(3, 4), "target": draw.normal(3, 4)}
    for label, variance, options in (
        ("", draw.uniform(0.3, 2, 3, 4), {}),
        ("one variance a row, full", draw.uniform(0.3, 2, 3, 1), {"full": True, "reduction": "none"}),
        ("variances below eps", draw.uniform(0.01, 0.2, 3, 4), {"eps": 0.1, "reduction": "sum"}),
    ):
        yield case(
            "GaussianNLLLoss",
            label,
            {**normal, "variance": variance},
            lambda x, options=options: F.gaussian_nll_loss(x["input"], x["target"], x["variance"], **options),
            options,
        )
    signs = np.array([1, -1, 1, -1, -1])
    for options in ({}, {"margin": 0.3, "reduction": "none"}):
        label = ", ".join(f"{key} {value}" for key, value in options.items())
        yield case(
            "HingeEmbeddingLoss",
            label,
            {"input": draw.normal(5), "target": signs},
            lambda x, options=options: F.hinge_embedding_loss(x["input"], x["target"], **options),
            options,
        )
        yield case(
            "MarginRankingLoss",
            label,
            {"input1": draw.normal(5), "input2": draw.normal(5), "target": signs},
            lambda x, options=options: F.margin_ranking_loss(*x.values(), **options),
            options,
        )


def ctc():
    """From logits through a log-softmax: PyTorch's gradient is right only for log-probabilities that are one."""
    draw = Draw("ctc")
    times, batch, symbols = 7, 3, 4
    inputs = {
        "logits": draw.normal(times, batch, symbols),
        "targets": np.array([[1, 1, 2], [3, 2, 0], [1, 0, 0]]),
        "inputLengths": np.array([7, 5, 4]),
        "targetLengths": np.array([3, 2, 1]),
    }

    def compute(**options):
        return lambda x: F.ctc_loss(
            x["logits"].log_softmax(-1), x["targets"], x["inputLengths"], x["targetLengths"], **snake(options)
        )

    for reduction in REDUCTIONS:
        yield case("CTCLoss", f"{reduction}", inputs, compute(reduction=reduction), {"reduction": reduction})
    shifted = {**inputs, "targets": np.array([[0, 0, 2], [3, 2, 0], [2, 0, 0]])}
    yield case("CTCLoss", "another blank", shifted, compute(blank=1), {"blank": 1})
    empty = {**inputs, "targetLengths": np.array([3, 0, 1])}
    yield case("CTCLoss", "an empty target", empty, compute(reduction="none"), {"reduction": "none"})
    impossible = {
        **inputs,
        "inputLengths": np.array([7, 5, 1]),
        "targets": np.array([[1, 1, 2], [3, 2, 0], [1, 2, 0]]),
        "targetLengths": np.array([3, 2, 2]),
    }
    yield case(
        "CTCLoss",
        "zeroInfinity",
        impossible,
        compute(reduction="none", zeroInfinity=True),
        {"reduction": "none", "zeroInfinity": True},
    )


def cases():
    for group in (cross_entropy, nll, regression, binary, distances, ctc, likelihoods):
        yield from group()
