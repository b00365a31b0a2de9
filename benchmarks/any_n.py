"""How do the seconds and the memory of a kernel grow with the number of rows?

One output of a LeNet on random images, float32, each size in a process of its own. The limit is one triangle of the
kernel, with in + out multiplications a pair for a linear layer and one for each weight of a convolution, at the speed
that a large product of two matrices has here.

    python benchmarks/any_n.py                      # n = 2k, 4k, 8k, 16k: half a minute

Figures go to benchmarks/results/any_n.json.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from typing import Any

import kept_results
import torch
from kept_results import spread

import tangentlab as tl
from tangentlab.linalg import product

SIZES = (2_000, 4_000, 8_000, 16_000)


def main() -> None:
    parser = kept_results.parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.one is not None:
        print(json.dumps(one_size(options.one, options)))
        return
    found: list[dict[str, Any]] = []
    print(f"{'n':>7} {'seconds':>9} {'limit':>7} {'ratio':>6} {'exponent':>9} {'peak MiB':>9}")
    for n in options.sizes:
        command = [sys.executable, __file__, "--one", str(n), "--threads", str(options.threads)]
        command += ["--repeats", str(options.repeats)]
        one = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        exponent = f"{slope(found[-1], one):.2f}" if found else ""
        seconds = one["seconds"]["median"]
        print(
            f"{n:>7} {seconds:>9.2f} {one['limit']:>7.2f} {seconds / one['limit']:>6.1f} {exponent:>9} "
            f"{one['peak_bytes'] / 2**20:>9.0f}",
            flush=True,
        )
        found.append(one)
    kept: dict[str, Any] = {"question": __doc__.splitlines()[0], "stamp": kept_results.stamp(options)}
    kept["sizes"] = found
    if len(found) > 1:
        kept["exponent"] = slope(found[0], found[-1])
        print(f"exponent from {found[0]['n']} to {found[-1]['n']}: {kept['exponent']:.2f}")
    kept_results.write("any_n", kept, results=options.results)


def slope(first: dict[str, Any], last: dict[str, Any]) -> float:
    """Exponent of the growth of seconds between two sizes."""
    return math.log(last["seconds"]["median"] / first["seconds"]["median"]) / math.log(last["n"] / first["n"])


def one_size(n: int, options: argparse.Namespace) -> dict[str, Any]:
    kernel = lenet()
    x = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    kernel.tiles(x[:256])
    seconds = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        kernel.tiles(x)
        seconds.append(time.perf_counter() - start)
    return {"n": n, "seconds": spread(seconds), "peak_bytes": peak(), "limit": limit(n, kernel)}


def lenet(memory: str | None = None) -> tl.NeuralTangentKernel:
    """One output of the catalogue's LeNet on grey images of 28 × 28."""
    return tl.NeuralTangentKernel(
        tl.build_network("lenet", (1, 28, 28), outputs=10, seed=0), outputs=0, memory=memory
    )


def limit(n: int, kernel: tl.NeuralTangentKernel) -> float:
    """Seconds that the multiplications of one triangle take at the speed of a large float32 product here."""
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


def peak() -> int:
    """Largest resident set of this process so far, bytes; Linux's own count, as getrusage's begins at the parent's."""
    if sys.platform.startswith("linux"):
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
