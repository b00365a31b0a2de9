"""What do the kernel of 60,000 images and its first 1,000 eigenpairs take on this machine?

One output of a LeNet on all train rows of Fashion-MNIST, float32: the kernel packed in memory, and as tiles in a store
on disk; the eigenpairs of either. Each in a process of its own. Of some pairs the residual ‖K v − λ v‖ / λ_1 is
measured once more, with products in float64. The limit of the kernel is that of `any_n.py`; that of the eigenpairs
is the products alone, two operations for each entry and vector, at the speed of a large matrix product.

    python benchmarks/sixty_thousand.py                           # in memory, then on disk: six minutes
    python benchmarks/sixty_thousand.py --where disk --store DIR  # killed and run again, it goes on where it was

Figures go to benchmarks/results/sixty_thousand.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import kept_results
import torch
from any_n import lenet, limit, peak

import tangentlab as tl
from tangentlab.linalg import krylov_eigenpairs, product

MEMORY = {"memory": "10GiB", "disk": "4GiB"}
"""Budget of the kernel. What the eigenpairs take is vectors, and comes on top."""
CHECKED = 16


def main() -> None:
    parser = kept_results.parser(__doc__)
    parser.add_argument("--where", choices=list(MEMORY), help="default both")
    parser.add_argument("--rows", type=int, default=60_000, help="fewer, for a trial")
    parser.add_argument("--pairs", type=int, default=1_000)
    parser.add_argument("--store", type=Path, help="folder for the tiles; default one that is removed")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        torch.set_num_threads(options.threads)
        print(json.dumps(measure(options)))
        return
    for where in [options.where] if options.where else MEMORY:
        with nullcontext(options.store) if options.store else tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--here", "--where", where, "--rows", str(options.rows)]
            command += ["--pairs", str(options.pairs), "--threads", str(options.threads)]
            command += ["--store", str(folder)] if where == "disk" else []
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        key = ("where", "rows", "pairs")
        kept_results.write_run("sixty_thousand", __doc__.splitlines()[0], found, key=key, options=options)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Kernel, eigenpairs, and what they took; told on stderr as it goes."""
    budget = MEMORY[options.where]
    kernel = lenet(budget)
    x = tl.load("fashion-mnist").x[: options.rows]
    n = len(x)
    start = time.perf_counter()
    gram = kernel.tiles(x, store=options.store, progress=shown)
    seconds = time.perf_counter() - start
    found: dict[str, Any] = {"where": options.where, "rows": n, "pairs": options.pairs, "budget": budget}
    found["kernel"] = {
        "seconds": seconds,
        "limit": limit(n, kernel),
        "peak_bytes": peak(),
        "difference from autograd": gram.difference,
    }
    say(f"kernel of {n} rows, {options.where}: {seconds:.1f} s, limit {found['kernel']['limit']:.1f} s")
    steps = None if options.store is None else options.store / "eigenpairs"
    start = time.perf_counter()
    pairs = krylov_eigenpairs(gram.matrix, options.pairs, checkpoint=steps, progress=shown)
    seconds = time.perf_counter() - start
    found["eigenpairs"] = {
        "seconds": seconds,
        "limit": 2 * n * n * pairs.products / rate(),
        "products": pairs.products,
        "largest residual": float(pairs.residuals.max()),
        "largest residual, some measured again": checked(gram.matrix, pairs),
        "last over first": float(pairs.values[-1] / pairs.values[0]),
        "share of trace": float(pairs.values.sum()) / gram.trace,
        "peak_bytes": peak(),
    }
    for name, value in found["eigenpairs"].items():
        say(f"    {name} {value:.4g}")
    return found


def checked(K: Any, pairs: Any) -> float:
    """Largest residual of a few pairs, first and last among them, with products in float64."""
    few = torch.linspace(0, len(pairs.values) - 1, CHECKED).round().long()
    vectors = pairs.vectors[:, few]
    return float((K.matmat(vectors) - vectors * pairs.values[few]).norm(dim=0).max() / pairs.values[0])


def rate() -> float:
    """Operations a second of a large float32 product here."""
    A = torch.randn(4096, 4096)
    product(A, A)
    start = time.perf_counter()
    product(A, A)
    return 2 * len(A) ** 3 / (time.perf_counter() - start)


def shown(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done / total:.0%}", end="", file=sys.stderr, flush=True)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
