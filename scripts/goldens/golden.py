"""What every area shares: drawing inputs, running a computation in float64 and float32, and writing golden records.

A golden's values come from the float64 run; `float32Error` is what PyTorch itself loses in float32 on the same inputs.
Inputs are float32 values, so both runs (and the TypeScript tests) start from the same numbers.
"""

import json
import math
import re
import zlib

import numpy as np
import torch

REDUCTIONS = ("mean", "sum", "none")
DIGITS = 9  # a float32 needs 9 significant digits to survive a round trip through decimal


def float32(values):
    """The nearest float32 values, as float64: what a test gets from Math.fround."""
    with np.errstate(over="raise"):
        return np.asarray(values, dtype=np.float64).astype(np.float32).astype(np.float64)


class Draw:
    """Random inputs that depend on a name only (the case's, or a stream a few cases share), not on what ran before.

    Numbers have few decimals (short files) but full float32 mantissas (real rounding).
    RandomState's streams are frozen: they are the same in every version of numpy.
    """

    def __init__(self, name):
        self.state = np.random.RandomState(zlib.crc32(name.encode()))

    def normal(self, *shape, scale=1.0):
        return float32(np.round(self.state.standard_normal(shape) * scale, 4))

    def uniform(self, low, high, *shape):
        return float32(np.round(self.state.uniform(low, high, shape), 4))

    def eighths(self, *shape):
        """Short binary fractions: for upstream gradients, and for ops that only move numbers."""
        return (self.state.randint(1, 17, shape) * np.where(self.state.uniform(size=shape) < 0.5, -1, 1)) / 8.0

    def distinct(self, *shape):
        """No two equal, shuffled, around zero: for maxima and sorting, where ties would leave the answer open."""
        count = math.prod(shape)
        return float32(np.round((self.state.permutation(count) - count / 2) * 0.1371, 4)).reshape(shape)

    def integers(self, low, high, *shape):
        return self.state.randint(low, high, shape).astype(np.int64)

    def booleans(self, *shape, probability=0.5):
        return self.state.uniform(size=shape) < probability


def snake(options):
    """PyTorch's spelling of the options that the goldens store in camelCase."""
    return {re.sub(r"[A-Z]", lambda letter: "_" + letter.group().lower(), key): value for key, value in options.items()}


def reduced(values, reduction):
    """What a loss's `reduction` makes of its elements."""
    return values.mean() if reduction == "mean" else values.sum() if reduction == "sum" else values


def number(value):
    """A JSON value: whole numbers without a point, the negative zero with one, what is not finite as a string."""
    if not isinstance(value, float):
        return int(value)
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    whole = value == math.floor(value) and abs(value) < 1e9 and (value != 0 or math.copysign(1, value) > 0)
    return int(value) if whole else value


def plain(value):
    """Options as JSON: infinities become strings, everything else stays."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return number(value) if isinstance(value, float) else value


def golden(array, shorten):
    array = np.asarray(array)
    dtype = {"b": "bool", "i": "int32", "f": "float32"}[array.dtype.kind]
    data = [number(shorten(value) if dtype == "float32" else value) for value in array.ravel().tolist()]
    return {"shape": list(array.shape), "dtype": dtype, "data": data}


def given(array):
    """An input's golden: the shortest decimals that round to its float32 values."""
    return golden(array, lambda value: float(str(np.float32(value))))


def computed(array):
    """A result's golden: the float64 values to 9 significant digits."""
    return golden(array, lambda value: float(f"{value:.{DIGITS}g}"))


def float32_error(name, wide, narrow):
    """Largest |float32 - float64| over the finite values, rounded up to two digits; the others must agree exactly."""
    wide, narrow = np.asarray(wide, dtype=np.float64), np.asarray(narrow, dtype=np.float64)
    finite = np.isfinite(wide)
    if not np.array_equal(wide[~finite], narrow[~finite], equal_nan=True) or not np.isfinite(narrow[finite]).all():
        raise ValueError(f"{name}: float32 and float64 disagree on what is finite, choose other inputs")
    worst = float(np.abs(wide[finite] - narrow[finite]).max(initial=0.0))
    if worst == 0:
        return 0
    unit = 10.0 ** (math.floor(math.log10(worst)) - 1)
    return number(float(f"{math.ceil(worst / unit) * unit:.2g}"))


def compared(name, wide, narrow):
    wide, narrow = wide.detach().numpy(), narrow.detach().numpy()
    if wide.dtype.kind != "f":
        if not np.array_equal(wide, narrow):
            raise ValueError(f"{name}: float32 and float64 choose differently, choose other inputs")
        return computed(wide)
    return {**computed(wide), "float32Error": float32_error(name, wide, narrow)}


def leaf(value, dtype, trained=True):
    value = torch.as_tensor(np.array(value))
    return value.to(dtype).requires_grad_(trained) if value.is_floating_point() else value


def listed(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def case(op, label, inputs, compute, options=None, parameters=None, build=None, frozen=(), gradients=True):
    """One record: what went in, what came out, and every gradient for a drawn upstream gradient.

    `compute(inputs)` gets a dict of tensors. With `parameters` (name -> array) it gets `(inputs, parameters)`;
    with `build` (-> module, PyTorch's names in `parameters`) it gets `(inputs, module)`.
    Names in `frozen` are float inputs that take no gradient; `gradients=False` compares the forward pass only.
    """
    name = f"{op}: {label}" if label else op
    draw = Draw(name + " upstream")
    upstream = None

    def run(dtype):
        nonlocal upstream
        leaves = {key: leaf(value, dtype, gradients and key not in frozen) for key, value in inputs.items()}
        owned, arguments = {}, [leaves]
        if build:
            module = build().to(dtype)
            module.load_state_dict({key: leaf(value, dtype, False) for key, value in parameters.items()})
            owned = dict(module.named_parameters()) if gradients else {}
            arguments.append(module)
        elif parameters:
            arguments.append({key: leaf(value, dtype, gradients) for key, value in parameters.items()})
            owned = arguments[1] if gradients else {}
        outputs = listed(compute(*arguments))
        wanted = {
            **{("gradients", k): v for k, v in leaves.items() if v.requires_grad},
            **{("parameterGradients", k): v for k, v in owned.items()},
        }
        if upstream is None:
            upstream = [draw.eighths(*out.shape) if out.requires_grad else None for out in outputs]
        roots = [(out, torch.as_tensor(np.array(g)).to(dtype)) for out, g in zip(outputs, upstream) if g is not None]
        found = []
        if wanted:
            found = torch.autograd.grad(
                [out for out, _ in roots], list(wanted.values()), [g for _, g in roots], allow_unused=True
            )
            found = [torch.zeros_like(v) if g is None else g for v, g in zip(wanted.values(), found)]
        return outputs, dict(zip(wanted, found))

    (wide, wide_gradients), (narrow, narrow_gradients) = run(torch.float64), run(torch.float32)
    record = {
        "name": name,
        "op": op,
        "options": plain(options or {}),
        "inputs": {key: given(value) for key, value in inputs.items()},
    }
    if parameters:
        record["stateDict"] = {key: given(value) for key, value in parameters.items()}
    record["outputs"] = [compared(name, a, b) for a, b in zip(wide, narrow)]
    if wide_gradients:
        record["outputGradients"] = [None if g is None else given(g) for g in upstream]
    for (kind, key), value in wide_gradients.items():
        record.setdefault(kind, {})[key] = compared(f"{name}: gradient of {key}", value, narrow_gradients[kind, key])
    return record


def layer(op, label, build, compute, inputs, options=None, frozen=()):
    """A record of a module: its parameters are drawn by name, whatever PyTorch would have initialised."""
    parameters = {
        key: Draw(f"{op} {label} {key}").normal(*value.shape, scale=0.5) for key, value in build().state_dict().items()
    }
    return case(op, label, inputs, compute, options, parameters, build, frozen)


def document(cases, **head):
    """The file's text: one case a line, so that a change shows which case it touches."""
    names = [record["name"] for record in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"names must differ: {sorted(twice)}")
    dump = lambda value: json.dumps(value, separators=(",", ":"), allow_nan=False)
    opening = "".join(f"{dump(key)}:{dump(value)},\n" for key, value in head.items())
    lines = ",\n".join(dump(record) for record in cases)
    return f'{{"torch":"{torch.__version__.split("+")[0]}",\n{opening}"cases":[\n{lines}\n]}}\n'
