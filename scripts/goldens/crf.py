"""Linear-chain CRF by brute force: every tag path of a sequence is scored, no recursion is used.

score(tags) = start[t0] + sum_i emissions[i, t_i] + sum_i transitions[t_(i-1), t_i] + end[t_last], real positions only.
"""

import itertools

import numpy as np
import torch

from golden import Draw, case, reduced

NAMES = ("start_transitions", "end_transitions", "transitions")


def paths(length, tags):
    return torch.tensor(list(itertools.product(range(tags), repeat=length)))


def scores(emissions, chosen, p):
    """The score of each row of tags in `chosen` [paths, length], for emissions [length, tags]."""
    start, end, transitions = (p[name] for name in NAMES)
    inner = emissions[torch.arange(len(emissions)), chosen].sum(1) + transitions[chosen[:, :-1], chosen[:, 1:]].sum(1)
    return start[chosen[:, 0]] + inner + end[chosen[:, -1]]


def lengths(x):
    emissions = x["emissions"]
    return x["mask"].long().sum(1).tolist() if "mask" in x else [emissions.shape[1]] * len(emissions)


def negative_log_likelihood(x, p):
    found = []
    for row, tags, length in zip(x["emissions"], x["tags"], lengths(x)):
        emissions = row[:length]
        everything = scores(emissions, paths(length, row.shape[1]), p).logsumexp(0)
        found.append(everything - scores(emissions, tags[None, :length], p)[0])
    return torch.stack(found)


def best_paths(x, p):
    """The best path of each sequence, -1 where the mask is off: [batch, time]."""
    found = torch.full(x["emissions"].shape[:2], -1)
    for row, length, out in zip(x["emissions"], lengths(x), found):
        every = paths(length, row.shape[1])
        out[:length] = every[scores(row[:length], every, p).argmax()]
    return found


def marginals(x, p):
    """The probability of each tag at each real position, zero elsewhere: [batch, time, tags]."""
    found = []
    for row, length in zip(x["emissions"], lengths(x)):
        every = paths(length, row.shape[1])
        share = scores(row[:length], every, p).softmax(0)
        hits = torch.nn.functional.one_hot(every, row.shape[1]).to(row.dtype)
        known = (share[:, None, None] * hits).sum(0)
        found.append(torch.cat([known, known.new_zeros(len(row) - length, row.shape[1])]))
    return torch.stack(found)


def parameters(draw, tags):
    return {
        "start_transitions": draw.normal(tags),
        "end_transitions": draw.normal(tags),
        "transitions": draw.normal(tags, tags),
    }


def cases():
    draw = Draw("crf")
    tags, time = 3, 4
    p = parameters(draw, tags)
    full = {"emissions": draw.normal(3, time, tags), "tags": draw.integers(0, tags, 3, time)}
    mask = np.array([[True, True, True, True], [True, True, False, False], [True, False, False, False]])
    ragged = {**full, "mask": mask}
    spoiled = {
        "emissions": np.where(mask[:, :, None], full["emissions"], np.nan),
        "tags": np.where(mask, full["tags"], -7),
        "mask": mask,
    }
    whole = {**full, "mask": mask.astype(np.int32)}
    options = {"numTags": tags, "batchFirst": True}
    for label, inputs in (
        ("no mask", full),
        ("boolean mask", ragged),
        ("integer mask", whole),
        ("NaN and nonsense under the mask", spoiled),
    ):
        for reduction in ("mean", "sum", "none") if label == "boolean mask" else ("mean",):
            yield case(
                "CRFLoss",
                label if reduction == "mean" else f"{label}, {reduction}",
                inputs,
                lambda x, q, r=reduction: reduced(negative_log_likelihood(x, q), r),
                {**options, "reduction": reduction},
                p,
            )
        known = {key: value for key, value in inputs.items() if key != "tags"}
        yield case("CRFLoss.decode", label, known, best_paths, options, p, gradients=False)
        yield case("CRFLoss.marginals", label, known, marginals, options, p, gradients=False)
    yield case(
        "CRFLoss",
        "length first",
        {key: value.swapaxes(0, 1) for key, value in ragged.items()},
        lambda x, q: negative_log_likelihood({key: value.transpose(0, 1) for key, value in x.items()}, q).mean(),
        {"numTags": tags, "batchFirst": False},
        p,
    )
    strong = {**full, "emissions": full["emissions"] * 256}
    yield case(
        "CRFLoss", "large scores do not overflow", strong, lambda x, q: negative_log_likelihood(x, q).mean(), options, p
    )
    single = {"emissions": draw.normal(2, 3, 1), "tags": np.zeros((2, 3), dtype=np.int64)}
    yield case(
        "CRFLoss",
        "one tag",
        single,
        lambda x, q: negative_log_likelihood(x, q).mean(),
        {"numTags": 1, "batchFirst": True},
        parameters(draw, 1),
    )
