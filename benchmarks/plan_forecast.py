"""Are forecasts true? Seconds and peak bytes of kernels, forecast by `plan` and then measured, one process each.

Run: python benchmarks/plan_forecast.py [NAME ...], with PYTHONPATH=src. Ratios are forecast over measured.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

WORKLOADS = {
    "W1-full": ("mlp", (784,), 256, "full"),
    "W1-trace": ("mlp", (784,), 1024, "trace"),
    "W1-one": ("mlp", (784,), 4096, 0),
    "W2-one": ("lenet", (1, 28, 28), 2048, 0),
    "W2-full": ("lenet", (1, 28, 28), 256, "full"),
    "W3-one": ("resnet18", (3, 32, 32), 32, 0),
    "W3-full": ("resnet18", (3, 32, 32), 8, "full"),
    "W4-one": ("vit", (3, 32, 32), 128, 0),
    "W5-4k": ("lenet", (1, 28, 28), 4096, 0),
    "W5-8k": ("lenet", (1, 28, 28), 8192, 0),
    "W5-16k": ("lenet", (1, 28, 28), 16384, 0),
}


def measure(name: str) -> str:
    import torch

    import tangentlab as tl

    torch.set_num_threads(2)
    network, shape, rows, outputs = WORKLOADS[name]
    if network.startswith("mlp"):
        layers = [torch.nn.Linear(784, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU()]
        model: torch.nn.Module = torch.nn.Sequential(*layers, torch.nn.Linear(1024, 10))
    else:
        model = tl.build_network(network, shape, outputs=10, seed=0).eval()
    x = torch.randn(rows, *shape, generator=torch.Generator().manual_seed(0))
    kernel = tl.NeuralTangentKernel(model, outputs=outputs)
    start = time.perf_counter()
    plan = kernel.plan(x)
    planning = time.perf_counter() - start
    start = time.perf_counter()
    kernel(x)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return (
        f"{name:9} {rows:6} rows  {plan.seconds:7.3f} / {seconds:7.3f} s = {plan.seconds / seconds:4.2f}   "
        f"{plan.bytes / 2**20:6.0f} / {peak / 2**20:6.0f} MiB = {plan.bytes / peak:4.2f}   planned in {planning:.2f} s"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(measure(sys.argv[2]), flush=True)
    else:
        for each in sys.argv[1:] or WORKLOADS:
            subprocess.run([sys.executable, __file__, "--one", each], check=True)
