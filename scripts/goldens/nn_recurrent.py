"""LSTM and GRU: layers, directions, layouts, initial states, and sequences of different lengths."""

import numpy as np
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from golden import Draw, layer, snake


def walk(options):
    """Runs a module; with lengths through a packed sequence, so that the padding is never read."""

    def compute(x, module):
        states = tuple(x[name] for name in ("h0", "c0") if name in x)
        state = None if not states else states if isinstance(module, nn.LSTM) else states[0]
        if "lengths" not in x:
            output, last = module(x["input"], state)
        else:
            first = options.get("batchFirst", False)
            packed = pack_padded_sequence(x["input"], x["lengths"], batch_first=first, enforce_sorted=False)
            output, last = module(packed, state)
            output, _ = pad_packed_sequence(output, batch_first=first, total_length=x["input"].shape[1 if first else 0])
        return (output, *last) if isinstance(last, tuple) else (output, last)

    return compute


def cases():
    lengths = np.array([3, 4, 1])
    for op, kind in (("LSTM", nn.LSTM), ("GRU", nn.GRU)):
        for label, extra, shape, ragged, stated in (
            ("one layer", {}, (4, 2, 2), False, False),
            ("batch first", {"batchFirst": True}, (2, 4, 2), False, False),
            ("without bias", {"bias": False}, (4, 2, 2), False, False),
            ("initial state", {"batchFirst": True}, (2, 3, 2), False, True),
            ("two layers", {"numLayers": 2}, (3, 2, 2), False, False),
            ("bidirectional", {"bidirectional": True, "batchFirst": True}, (2, 4, 2), False, False),
            (
                "two layers, bidirectional, lengths",
                {"numLayers": 2, "bidirectional": True, "batchFirst": True},
                (3, 4, 2),
                True,
                True,
            ),
            ("lengths, length first", {}, (4, 3, 2), True, False),
            ("one step", {}, (1, 2, 2), False, False),
            ("not batched", {}, (4, 2), False, False),
        ):
            options = {"inputSize": 2, "hiddenSize": 3, **extra}
            draw = Draw(f"{op} {label}")
            inputs = {"input": draw.normal(*shape)}
            if ragged:
                inputs["lengths"] = lengths
            if stated:
                batch = shape[0] if options.get("batchFirst") else shape[1]
                rows = options.get("numLayers", 1) * (2 if options.get("bidirectional") else 1)
                inputs["h0"] = draw.normal(rows, batch, 3)
                if kind is nn.LSTM:
                    inputs["c0"] = draw.normal(rows, batch, 3)
            yield layer(
                op, label, lambda options=options, kind=kind: kind(**snake(options)), walk(options), inputs, options
            )
