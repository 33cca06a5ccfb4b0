"""TransformerEncoder and TransformerDecoder, layers and stacks: norm first or last, activations, every kind of mask.

Modules stay in training mode with dropout 0, so that PyTorch takes no fast path and every gradient is defined.
No row is padded in full: PyTorch gives NaN there, this project zeros.
"""

import numpy as np
from torch import nn

from golden import Draw, layer, snake

CAUSAL = np.triu(np.ones((4, 4), dtype=bool), 1)
PADDING = np.array([[False, False, False, True], [False, False, True, True]])


def renamed(x, names):
    return {python: x[name] for name, python in names.items() if name in x}


def encode(x, module):
    if isinstance(module, nn.TransformerEncoder):
        names = {"mask": "mask", "srcKeyPaddingMask": "src_key_padding_mask"}
    else:
        names = {"srcMask": "src_mask", "srcKeyPaddingMask": "src_key_padding_mask"}
    return module(x["src"], **renamed(x, names))


def decode(x, module):
    names = {
        "tgtMask": "tgt_mask",
        "memoryMask": "memory_mask",
        "tgtKeyPaddingMask": "tgt_key_padding_mask",
        "memoryKeyPaddingMask": "memory_key_padding_mask",
    }
    return module(x["tgt"], x["memory"], **renamed(x, names))


SIZES = {"dModel": 4, "nhead": 2, "dimFeedforward": 6, "dropout": 0}


def encoders():
    draw = Draw("encoders")
    src = draw.normal(2, 4, 4)
    for label, inputs, extra in (
        ("post-norm, relu", {}, {}),
        ("pre-norm, gelu", {}, {"normFirst": True, "activation": "gelu"}),
        ("post-norm, gelu, causal", {"srcMask": CAUSAL}, {"activation": "gelu"}),
        ("pre-norm, relu, padding", {"srcKeyPaddingMask": PADDING}, {"normFirst": True}),
        ("larger layerNormEps", {}, {"layerNormEps": 0.1}),
    ):
        options = {**SIZES, "batchFirst": True, **extra}
        yield layer(
            "TransformerEncoderLayer",
            label,
            lambda options=options: nn.TransformerEncoderLayer(**snake(options)),
            encode,
            {"src": src, **inputs},
            options,
        )
    yield layer(
        "TransformerEncoderLayer",
        "length first",
        lambda: nn.TransformerEncoderLayer(**snake(SIZES)),
        encode,
        {"src": draw.normal(3, 2, 4)},
        SIZES,
    )
    for label, final, inputs, extra in (
        ("post-norm, causal and padding", False, {"mask": CAUSAL, "srcKeyPaddingMask": PADDING}, {}),
        ("pre-norm with a final norm", True, {"mask": CAUSAL}, {"normFirst": True, "activation": "gelu"}),
    ):
        options = {**SIZES, "batchFirst": True, **extra}
        yield layer(
            "TransformerEncoder",
            label,
            lambda options=options, final=final: nn.TransformerEncoder(
                nn.TransformerEncoderLayer(**snake(options)),
                2,
                nn.LayerNorm(4) if final else None,
                enable_nested_tensor=False,
            ),
            encode,
            {"src": src, **inputs},
            {"numLayers": 2, "norm": final, "layer": options},
        )


def decoders():
    draw = Draw("decoders")
    inputs = {"tgt": draw.normal(2, 4, 4), "memory": draw.normal(2, 3, 4)}
    memory_padding = np.array([[False, False, True], [False, False, False]])
    masks = {"tgtMask": CAUSAL, "tgtKeyPaddingMask": PADDING, "memoryKeyPaddingMask": memory_padding}
    memory_mask = np.array([[False, True, True], [False, False, True], [True, False, False], [False, False, False]])
    for label, masked, extra in (
        ("post-norm, relu", {}, {}),
        ("pre-norm, gelu", {}, {"normFirst": True, "activation": "gelu"}),
        ("causal and both paddings", masks, {}),
        ("memory mask", {"tgtMask": CAUSAL, "memoryMask": memory_mask}, {"normFirst": True}),
    ):
        options = {**SIZES, "batchFirst": True, **extra}
        yield layer(
            "TransformerDecoderLayer",
            label,
            lambda options=options: nn.TransformerDecoderLayer(**snake(options)),
            decode,
            {**inputs, **masked},
            options,
        )
    for label, final, extra in (
        ("post-norm, every mask", False, {}),
        ("pre-norm with a final norm", True, {"normFirst": True}),
    ):
        options = {**SIZES, "batchFirst": True, **extra}
        yield layer(
            "TransformerDecoder",
            label,
            lambda options=options, final=final: nn.TransformerDecoder(
                nn.TransformerDecoderLayer(**snake(options)), 2, nn.LayerNorm(4) if final else None
            ),
            decode,
            {**inputs, **masks},
            {"numLayers": 2, "norm": final, "layer": options},
        )


def cases():
    yield from encoders()
    yield from decoders()
