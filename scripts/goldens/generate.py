"""Writes the golden files, or with --check tells whether the committed ones are what this machine writes, twice.

python3 scripts/goldens/generate.py [area …] [--check] [--out FOLDER]
"""

import argparse
import importlib
import pathlib
import sys
import warnings

import torch

sys.dont_write_bytecode = True  # leaves no cache folder in the repository

from golden import document  # noqa: E402

# area: package, file, the scripts whose cases it holds
AREAS = {
    "elementwise": ("tensor", ["tensor_elementwise"]),
    "reductions": ("tensor", ["tensor_reductions"]),
    "layout": ("tensor", ["tensor_layout"]),
    "halves": ("tensor", ["tensor_halves"]),
    "layers": ("tensor", ["nn_layers"]),
    "attention": ("tensor", ["nn_attention"]),
    "transformer": ("tensor", ["nn_transformer"]),
    "convolution": ("tensor", ["nn_convolution"]),
    "recurrent": ("tensor", ["nn_recurrent"]),
    "optimizers": ("optim", ["optimizers"]),
    "schedules": ("optim", ["schedules"]),
    "gradients": ("optim", ["gradients"]),
    "losses": ("losses", ["losses", "losses_by_formula"]),
    "crf": ("losses", ["crf"]),
    "pretrained": ("nlp-models", ["pretrained"]),
}
LARGEST_FILE, LARGEST_SET = 150_000, 1_000_000


def text(area):
    modules = [importlib.import_module(name) for name in AREAS[area][1]]
    head = {key: value for module in modules if hasattr(module, "head") for key, value in module.head().items()}
    return document([record for module in modules for record in module.cases()], **head)


def difference(old, new):
    """The first line on which two texts differ, cut where it starts to."""
    for a, b in zip(old.splitlines(), new.splitlines()):
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            return f"{a[:70]}… at {at}: {a[at : at + 40]!r} became {b[at : at + 40]!r}"
    return "one has more cases"


def check(area, path, written):
    again = text(area)
    if again != written:
        return f"two runs differ: {difference(written, again)}"
    if not path.exists():
        return f"{path} does not exist"
    old = path.read_text(encoding="utf-8")
    return "" if old == written else f"the committed file differs: {difference(old, written)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", metavar="area", help=f"of {', '.join(AREAS)} (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file would change")
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path(__file__).resolve().parents[2] / "packages",
        help="the folder of packages to write into",
    )
    arguments = parser.parse_args()
    unknown = [area for area in arguments.areas if area not in AREAS]
    if unknown:
        parser.error(f"unknown area {unknown[0]!r}, expected one of {', '.join(AREAS)}")

    torch.set_num_threads(1)  # one summation order
    warnings.filterwarnings("ignore", message="Sparse invariant checks")  # the ids here are small and known
    warnings.filterwarnings("ignore", message="reduction: 'mean' divides the total loss")  # KLDivLoss, meant
    failures, total = 0, 0
    for area in arguments.areas or AREAS:
        path = arguments.out / AREAS[area][0] / "goldens" / f"{area}.json"
        written = text(area)
        size = len(written.encode())
        total += size
        trouble = check(area, path, written) if arguments.check else ""
        if size > LARGEST_FILE:
            trouble = f"{size} bytes, more than {LARGEST_FILE}"
        elif not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written, encoding="utf-8", newline="\n")
        failures += bool(trouble)
        print(f"{area:12} {size:7,} bytes  {trouble or ('unchanged' if arguments.check else 'written')}")
    print(f"{'together':12} {total:7,} bytes")
    sys.exit(1 if failures or total > LARGEST_SET else 0)


if __name__ == "__main__":
    main()
