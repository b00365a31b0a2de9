"""When does stacking many small runs of a network under vmap pay?

Paired: the runs one after the other and stacked, one epoch of each in turn. Prints the median milliseconds of a step of
all runs both ways, and the median ratio with its quartiles.

    python benchmarks/many_runs.py [--runs 8] [--pairs 5] [--threads 2]
"""

import argparse
import statistics
import time

import torch

import tangentlab as tl

WORKLOADS = [
    ("mlp:width=16,depth=2", (1, 8, 8), 32),
    ("mlp:width=100,depth=2", (1, 28, 28), 32),
    ("mlp:width=100,depth=2", (1, 28, 28), 128),
    ("lenet", (1, 28, 28), 128),
]


def build(name, shape, seed):
    name, _, options = name.partition(":")
    options = {k: int(v) for k, v in (pair.split("=") for pair in options.split(",") if pair)}
    return tl.build_network(name, shape, outputs=1, seed=seed, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in [("runs", 8), ("pairs", 5), ("threads", 2)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, {options.threads} threads, {options.runs} runs, medians of {options.pairs} pairs"
    )
    print(f"{'network':24s} {'batch':>5s} {'one by one ms':>14s} {'stacked ms':>11s} {'ratio':>6s}  quartiles")
    for name, shape, batch in WORKLOADS:
        modules = [build(name, shape, seed) for seed in range(options.runs)]
        x = torch.randn(batch * 20, *shape, generator=torch.Generator().manual_seed(0))
        y = (x.flatten(1).sum(1) > 0).float()
        descents = [tl.Descent(batch_size=batch, epochs=1, seed=seed) for seed in range(options.runs)]
        pairs = []
        for _ in range(options.pairs + 1):
            times = []
            for method in ("loop", "stacked"):
                start = time.perf_counter()
                tl.train_many(modules, x, y, descents, method=method)
                times.append((time.perf_counter() - start) / 20)
            pairs.append(times)
        pairs = pairs[1:]
        quartiles = statistics.quantiles([a / b for a, b in pairs], n=4)
        loop, stacked = (1e3 * statistics.median(side) for side in zip(*pairs))
        spread = f"{quartiles[0]:.2f} to {quartiles[2]:.2f}"
        print(f"{name:24s} {batch:5d} {loop:14.2f} {stacked:11.2f} {quartiles[1]:6.2f}  {spread}", flush=True)


if __name__ == "__main__":
    main()
