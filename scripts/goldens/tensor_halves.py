"""float16 and bfloat16: conversions bit by bit, promotion, and ops that compute in float32 and round once."""

import numpy as np
import torch
from torch.nn import functional as F

from golden import Draw

HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
DTYPES = {
    "bool": torch.bool,
    "int32": torch.int32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


def bits(x):
    """The bits of 16-bit numbers; NaN is null, because its payload is nobody's business."""
    raw = x.contiguous().view(torch.int16).flatten().tolist()
    return [None if bad else value & 0xFFFF for value, bad in zip(raw, x.isnan().flatten().tolist())]


def from_bits(values, dtype):
    return torch.tensor([v - 0x10000 if v > 0x7FFF else v for v in values], dtype=torch.int16).view(dtype)


def float32_patterns():
    """Bit patterns around every decision: ties, neighbours of ties, subnormal numbers, the last before infinity."""
    chosen = []
    for exponent in (0, 1, 90, 101, 102, 103, 111, 112, 113, 114, 126, 127, 128, 141, 142, 143, 200, 253, 254, 255):
        for fraction in (0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x3000, 0x7FFF, 0x8000, 0x8001, 0x18000, 0x7FFFFF):
            chosen.append(exponent << 23 | fraction)
    chosen += [b | 0x80000000 for b in chosen[::3]]
    return chosen


def conversions():
    patterns = float32_patterns()
    singles = torch.from_numpy(np.array(patterns, dtype=np.uint32).view(np.float32).copy())
    yield {"name": "from float32", "from": patterns} | {name: bits(singles.to(t)) for name, t in HALVES.items()}
    # Beside ties of float32 itself: these round twice.
    doubles = torch.tensor([1 + 2**-11 + 2**-40, 1 + 2**-8 + 2**-30, 65519.999999, 1e-8, 1e300, -1e-300, 0.1], dtype=torch.float64)
    yield {"name": "from float64", "from": doubles.tolist()} | {name: bits(doubles.to(t)) for name, t in HALVES.items()}
    integers = torch.tensor([0, 1, -1, 255, 257, 2049, 2051, 65519, 65520, -70000, 2**31 - 1], dtype=torch.int32)
    yield {"name": "from int32", "from": integers.tolist()} | {name: bits(integers.to(t)) for name, t in HALVES.items()}
    for name, t in HALVES.items():
        every = list(range(0, 0x10000, 131)) + [0x7BFF, 0x7C00, 0xFC00, 0x7F7F, 0x7F80, 0x0001, 0x8000]
        values = from_bits(every, t).float()
        raw = values.numpy().view(np.uint32).tolist()
        finite = [None if bad else r for r, bad in zip(raw, values.isnan().tolist())]
        yield {"name": f"{name} to float32", "from": every, "float32": finite}


def promotion():
    types = {
        f"{a} {b}": str(torch.promote_types(x, y)).removeprefix("torch.")
        for a, x in DTYPES.items()
        for b, y in DTYPES.items()
    }
    yield {"name": "promotion", "types": types}


OPS = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "sub": lambda a, b: a - b,
    "exp": lambda a, b: a.exp(),
    "tanh": lambda a, b: a.tanh(),
    "sigmoid": lambda a, b: a.sigmoid(),
    "gelu": lambda a, b: F.gelu(a),
    "relu": lambda a, b: a.relu(),
    "sum": lambda a, b: a.sum(-1),
    "mean": lambda a, b: a.mean(-1),
    "amax": lambda a, b: a.amax(-1),
    "softmax": lambda a, b: a.softmax(-1),
    "logSoftmax": lambda a, b: a.log_softmax(-1),
    "cumsum": lambda a, b: a.cumsum(-1),
    "matmul": lambda a, b: a @ b.T,
}


def operations():
    for name, t in HALVES.items():
        x = torch.from_numpy(Draw(f"halves {name} a").normal(6, 9)).to(t)
        y = torch.from_numpy(Draw(f"halves {name} b").normal(6, 9)).to(t)
        for op, function in OPS.items():
            a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
            out = function(a, b)
            upstream = torch.from_numpy(Draw(f"halves {name} {op}").normal(*out.shape)).to(t)
            out.backward(upstream)
            record = {"name": f"{op} of {name}", "op": op, "dtype": name, "shape": [6, 9], "a": bits(x), "b": bits(y)}
            record |= {"outShape": list(out.shape), "out": bits(out.detach()), "upstream": bits(upstream), "aGradient": bits(a.grad)}
            yield record | ({"bGradient": bits(b.grad)} if b.grad is not None else {})


def cases():
    yield from conversions()
    yield from promotion()
    yield from operations()
