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


def cases():
    for group in (convolutions,):
        yield from group()
