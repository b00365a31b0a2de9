"""How the kernel of a LeNet grows with n, and a real one of 60,000 rows with its eigenpairs: seconds and peak memory.

    python benchmarks/any_n.py                      # n = 2k, 4k, 8k, 16k: seconds, exponent of growth, peak memory
    python benchmarks/any_n.py --full               # Fashion-MNIST, 60,000 rows, in memory; then 1,000 eigenpairs
    python benchmarks/any_n.py --full --store DIR   # the same through a store on disk; kill it and run it again

One output, float32, every size in a process of its own. The limit is one triangle of the Gram, with in + out
multiplications a pair for a linear layer and one for each weight of a convolution, at the speed that a large product
of two matrices has here.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

SIZES = (2_000, 4_000, 8_000, 16_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--full", action="store_true", help="60,000 rows of Fashion-MNIST and eigenpairs")
    parser.add_argument("--rows", type=int, default=60_000, help="with --full: fewer, for a trial")
    parser.add_argument("--pairs", type=int, default=1_000)
    parser.add_argument("--store", type=Path, help="with --full: a folder for the tiles")
    parser.add_argument("--memory", default=None, help='such as "12GiB"')
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="a JSON file for the results")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(growth(options.one, options)))
        return
    results = full(options) if options.full else grow(options)
    if options.out is not None:
        options.out.write_text(json.dumps({"machine": machine(options), "results": results}, indent=1) + "\n")


def grow(options: argparse.Namespace) -> list[dict]:
    found: list[dict] = []
    print(f"{'n':>7} {'seconds':>9} {'limit':>7} {'ratio':>6} {'exponent':>9} {'peak MiB':>9}")
    for n in options.sizes:
        command = [sys.executable, __file__, "--one", str(n), "--threads", str(options.threads)]
        command += ["--repeats", str(options.repeats)]
        command += ["--memory", options.memory] if options.memory else []
        one = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        if found:
            one["exponent"] = math.log(one["seconds"] / found[-1]["seconds"]) / math.log(n / found[-1]["n"])
        exponent = f"{one['exponent']:.2f}" if found else ""
        ratio = one["seconds"] / one["limit"]
        print(
            f"{n:>7} {one['seconds']:>9.2f} {one['limit']:>7.2f} {ratio:>6.1f} {exponent:>9} {one['peak']:>9.0f}"
        )
        sys.stdout.flush()
        found.append(one)
    first, last = found[0], found[-1]
    if last["n"] > first["n"]:
        slope = math.log(last["seconds"] / first["seconds"]) / math.log(last["n"] / first["n"])
        print(f"exponent from {first['n']} to {last['n']}: {slope:.2f}")
    return found


def growth(n: int, options: argparse.Namespace) -> dict:
    import torch

    import tangentlab as tl

    torch.set_num_threads(options.threads)
    kernel = lenet(options)
    x = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    kernel.tiles(x[:256])
    before, seconds = peak(), []
    for _ in range(options.repeats):
        start = time.perf_counter()
        kernel.tiles(x)
        seconds.append(time.perf_counter() - start)
    return {
        "n": n,
        "seconds": sorted(seconds)[len(seconds) // 2],
        "peak": peak(),
        "peak before": before,
        "limit": limit(n, kernel),
        "version": tl.__version__,
    }


def full(options: argparse.Namespace) -> dict:
    import torch

    import tangentlab as tl

    torch.set_num_threads(options.threads)
    kernel = lenet(options)
    x = tl.load("fashion-mnist").x[: options.rows]
    n = len(x)
    start = time.perf_counter()
    gram = kernel.tiles(x, store=options.store, progress=shown)
    seconds = time.perf_counter() - start
    where = "packed in memory" if options.store is None else f"in {options.store}"
    bound = limit(n, kernel)
    print(f"\rkernel of {n} rows {where}: {seconds:.1f} s, {seconds / bound:.1f} times the limit of {bound:.1f} s")
    print(f"differs from autograd by {gram.difference:.1e}; peak {peak():.0f} MiB", flush=True)
    found = {
        "n": n,
        "kernel seconds": seconds,
        "limit": bound,
        "kernel peak": peak(),
        "stored": bool(options.store),
    }
    start = time.perf_counter()
    steps = None if options.store is None else options.store / "eigenpairs"
    pairs = tl.eigenpairs(gram.matrix, options.pairs, checkpoint=steps)
    seconds = time.perf_counter() - start
    worst = float(pairs.residuals.max())
    ratio = float(pairs.values[-1] / pairs.values[0])
    print(f"{options.pairs} eigenpairs: {seconds:.1f} s, residuals at most {worst:.1e} of the first eigenvalue")
    print(
        f"the last is {ratio:.1e} of the first; they hold {float(pairs.values.sum()) / gram.trace:.4%} of the trace"
    )
    print(f"peak {peak():.0f} MiB")
    return found | {
        "pairs": options.pairs,
        "pairs seconds": seconds,
        "largest residual": worst,
        "last over first": ratio,
        "peak": peak(),
        "difference from autograd": gram.difference,
    }


def lenet(options: argparse.Namespace):
    import tangentlab as tl

    model = tl.build_network("lenet", (1, 28, 28), outputs=10, seed=0)
    return tl.NeuralTangentKernel(model, outputs=0, memory=options.memory)


def limit(n: int, kernel) -> float:
    """Seconds that the multiplications of one triangle take at the speed of a large float32 product here."""
    import torch

    from tangentlab.linalg import product

    numbers = 0
    for layer in kernel.network.module.modules():
        if isinstance(layer, torch.nn.Linear):
            numbers += layer.in_features + 1 + layer.out_features
        elif isinstance(layer, torch.nn.Conv2d):
            numbers += sum(parameter.numel() for parameter in layer.parameters())
    A, B = torch.randn(2048, 4096), torch.randn(4096, 2048)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        product(A, B)
        times.append(time.perf_counter() - start)
    return n * (n + 1) * numbers / (2 * 2048 * 4096 * 2048 / sorted(times)[2])


def peak() -> float:
    """Largest resident set so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def shown(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done / total:.0%}", end="", file=sys.stderr, flush=True)


def machine(options: argparse.Namespace) -> dict:
    import torch

    return {
        "processor": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": options.threads,
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
    }


if __name__ == "__main__":
    main()
