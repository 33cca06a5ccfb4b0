"""MultiheadAttention: layouts, cross-attention, and every kind of mask.

No row is padded in full: PyTorch gives NaN there, this project zeros.
"""

import numpy as np
from torch import nn

from golden import Draw, layer, snake
from nn_transformer import CAUSAL, PADDING, renamed


def attend(x, module):
    masks = renamed(x, {"attnMask": "attn_mask", "keyPaddingMask": "key_padding_mask"})
    key = x.get("key", x["query"])
    return module(x["query"], key, x.get("value", key), **masks)


def entry(label, inputs, frozen=(), **options):
    options = {"embedDim": 4, "numHeads": 2, "batchFirst": True, **options}
    return layer(
        "MultiheadAttention", label, lambda: nn.MultiheadAttention(**snake(options)), attend, inputs, options, frozen
    )


def cases():
    draw = Draw("MultiheadAttention")
    query, memory = draw.normal(2, 4, 4), draw.normal(2, 5, 4)
    float_mask = np.where(CAUSAL, -np.inf, draw.normal(4, 4))
    a_head = draw.booleans(4, 4, 4, probability=0.3) & ~np.eye(4, dtype=bool)
    yield entry("self-attention", {"query": query})
    yield entry("length first", {"query": draw.normal(3, 2, 4)}, batchFirst=False)
    yield entry("not batched", {"query": draw.normal(3, 4)})
    yield entry("without bias", {"query": query}, bias=False)
    yield entry("boolean causal mask", {"query": query, "attnMask": CAUSAL})
    yield entry("float mask", {"query": query, "attnMask": float_mask}, frozen=("attnMask",))
    yield entry("a mask for each head", {"query": query, "attnMask": a_head})
    yield entry("key padding", {"query": query, "keyPaddingMask": PADDING})
    yield entry("causal and key padding", {"query": query, "attnMask": CAUSAL, "keyPaddingMask": PADDING})
    yield entry("cross-attention", {"query": query, "key": memory, "value": draw.normal(2, 5, 4)})
    yield entry(
        "other key and value sizes",
        {"query": query, "key": draw.normal(2, 5, 3), "value": draw.normal(2, 5, 6)},
        kdim=3,
        vdim=6,
    )
