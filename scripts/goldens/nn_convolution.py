"""Layers along an axis of [batch, channels, length]: Conv1d, the poolings, BatchNorm1d, and their functions."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden import Draw, case, layer, snake


def call(x, module):
    return module(x["input"])


def convolutions():
    for label, shape, options in (
        ("", (2, 3, 7), {"outChannels": 4, "kernelSize": 3}),
        ("without batch, without bias", (3, 6), {"outChannels": 2, "kernelSize": 2, "bias": False}),
        ("stride, padding", (2, 3, 8), {"outChannels": 4, "kernelSize": 3, "stride": 2, "padding": 1}),
        ("dilation", (2, 2, 9), {"outChannels": 3, "kernelSize": 3, "dilation": 3, "padding": 2}),
        ("same, an even kernel", (1, 2, 6), {"outChannels": 3, "kernelSize": 4, "padding": "same", "dilation": 2}),
        ("same, longer than the input", (1, 2, 3), {"outChannels": 3, "kernelSize": 5, "padding": "same"}),
        ("windows side by side", (2, 3, 8), {"outChannels": 2, "kernelSize": 3, "stride": 3, "padding": "valid"}),
        ("gaps between windows", (2, 2, 11), {"outChannels": 2, "kernelSize": 2, "stride": 4}),
        ("one element", (2, 3, 4), {"outChannels": 5, "kernelSize": 1}),
        ("groups", (2, 4, 6), {"outChannels": 6, "kernelSize": 3, "groups": 2, "padding": 1}),
        ("depthwise", (2, 3, 7), {"outChannels": 6, "kernelSize": 3, "groups": 3, "stride": 2, "dilation": 2}),
    ):
        options = {"inChannels": shape[-2], **options}
        yield layer(
            "Conv1d",
            label,
            lambda options=options: nn.Conv1d(**snake(options)),
            call,
            {"input": Draw("Conv1d " + label).normal(*shape)},
            options,
        )
    draw = Draw("conv1d")
    yield case(
        "conv1d",
        "",
        {"input": draw.normal(2, 4, 6), "weight": draw.normal(2, 2, 3), "bias": draw.normal(2)},
        lambda x: F.conv1d(*x.values(), stride=2, padding=2, groups=2),
        {"stride": 2, "padding": 2, "groups": 2},
    )


def poolings():
    for op, label, shape, options in (
        ("MaxPool1d", "", (2, 3, 8), {"kernelSize": 2}),
        ("MaxPool1d", "a rest that fills no window", (2, 3, 8), {"kernelSize": 3}),
        ("MaxPool1d", "overlapping, padded, without batch", (3, 7), {"kernelSize": 3, "stride": 2, "padding": 1}),
        ("MaxPool1d", "dilation", (2, 2, 9), {"kernelSize": 3, "stride": 1, "dilation": 2, "padding": 1}),
        ("MaxPool1d", "ceil", (2, 2, 8), {"kernelSize": 3, "ceilMode": True}),
        ("MaxPool1d", "ceil, a window begins after the input", (1, 2, 6), {"kernelSize": 2, "stride": 3, "padding": 1, "ceilMode": True}),
        ("AvgPool1d", "", (2, 3, 8), {"kernelSize": 2}),
        ("AvgPool1d", "overlapping, padded, without batch", (3, 7), {"kernelSize": 3, "stride": 2, "padding": 1}),
        ("AvgPool1d", "padding does not count", (2, 3, 7), {"kernelSize": 3, "stride": 2, "padding": 1, "countIncludePad": False}),
        ("AvgPool1d", "ceil", (2, 2, 8), {"kernelSize": 3, "padding": 1, "ceilMode": True}),
        ("AvgPool1d", "ceil, padding does not count", (2, 2, 8), {"kernelSize": 3, "padding": 1, "ceilMode": True, "countIncludePad": False}),
        ("AvgPool1d", "ceil, a window begins after the input", (1, 2, 6), {"kernelSize": 2, "stride": 3, "padding": 1, "ceilMode": True}),
        ("AdaptiveMaxPool1d", "over everything", (2, 3, 7), {"outputSize": 1}),
        ("AdaptiveMaxPool1d", "windows of two lengths, without batch", (3, 7), {"outputSize": 3}),
        ("AdaptiveMaxPool1d", "more windows than elements", (1, 2, 3), {"outputSize": 5}),
        ("AdaptiveAvgPool1d", "over everything", (2, 3, 7), {"outputSize": 1}),
        ("AdaptiveAvgPool1d", "windows of one length", (2, 3, 6), {"outputSize": 2}),
        ("AdaptiveAvgPool1d", "windows of two lengths, without batch", (3, 7), {"outputSize": 3}),
        ("AdaptiveAvgPool1d", "more windows than elements", (1, 2, 3), {"outputSize": 5}),
    ):
        yield layer(
            op,
            label,
            lambda op=op, options=options: getattr(nn, op)(**snake(options)),
            call,
            {"input": Draw(f"{op} {label}").distinct(*shape)},
            options,
        )
    equal = {"input": np.array([[[0.0, 0, 0, 2, 2, 1]]])}
    yield layer(
        "MaxPool1d", "the first of equals takes the gradient", lambda: nn.MaxPool1d(3, 1), call, equal, {"kernelSize": 3, "stride": 1}
    )
    yield layer("AdaptiveMaxPool1d", "the first of equals takes the gradient", lambda: nn.AdaptiveMaxPool1d(1), call, equal, {"outputSize": 1})
    for op, function, options in (
        ("maxPool1d", F.max_pool1d, {"kernelSize": 3, "stride": 2}),
        ("avgPool1d", F.avg_pool1d, {"kernelSize": 3, "stride": 2}),
        ("adaptiveMaxPool1d", F.adaptive_max_pool1d, {"outputSize": 2}),
        ("adaptiveAvgPool1d", F.adaptive_avg_pool1d, {"outputSize": 2}),
    ):
        yield case(
            op,
            "",
            {"input": Draw(op).distinct(2, 2, 7)},
            lambda x, function=function, options=options: function(x["input"], **snake(options)),
            options,
        )


def normalized(x, module):
    return [module(x["input"]), *module.buffers()]


def norms():
    for label, shape, training, options in (
        ("", (5, 3), True, {}),
        ("sequences", (2, 3, 4), True, {"momentum": 0.3, "eps": 0.1}),
        ("the average of all batches", (4, 3), True, {"momentum": None}),
        ("without weight and bias", (4, 3, 2), True, {"affine": False}),
        ("without running statistics", (4, 3), True, {"trackRunningStats": False}),
        ("evaluated", (4, 3), False, {}),
        ("evaluated sequences", (2, 3, 4), False, {"eps": 0.1}),
        ("evaluated without running statistics", (4, 3), False, {"trackRunningStats": False}),
    ):
        options = {"numFeatures": 3, **options}
        build = lambda options=options, training=training: nn.BatchNorm1d(**snake(options)).train(training)
        draw = Draw("BatchNorm1d " + label)
        drawn = {
            "weight": draw.normal(3),
            "bias": draw.normal(3),
            "running_mean": draw.normal(3),
            "running_var": draw.uniform(0.2, 2, 3),
            "num_batches_tracked": np.array(3),
        }
        parameters = {key: drawn[key] for key in build().state_dict()}
        inputs = {"input": draw.normal(*shape, scale=2)}
        yield case(
            "BatchNorm1d", label, inputs, normalized, {**options, "training": training}, parameters, build
        )
    draw = Draw("batchNorm")
    vectors = {"weight": draw.normal(3), "bias": draw.normal(3)}
    running = {"runningMean": draw.normal(3), "runningVar": draw.uniform(0.2, 2, 3)}
    for label, shape, given, options in (
        ("by the batch", (2, 3, 2, 2), {}, {"training": True}),
        ("by running statistics", (4, 3), running, {"eps": 0.01}),
    ):
        yield case(
            "batchNorm",
            label,
            {"input": draw.normal(*shape), **vectors, **given},
            lambda x, options=options: F.batch_norm(
                x["input"], x.get("runningMean"), x.get("runningVar"), x["weight"], x["bias"], **options
            ),
            options,
            frozen=("runningMean", "runningVar"),
        )


def cases():
    for group in (convolutions, poolings, norms):
        yield from group()
