"""When does stacking many small runs of a network under vmap pay?

Paired: the runs one after the other and stacked, one epoch of each in turn. Prints the median milliseconds of a step of
all runs both ways, and the median ratio with its quartiles.

    python benchmarks/many_runs.py [--runs 8] [--pairs 5] [--threads 2]

Figures go to benchmarks/results/many_runs.json.
"""

import time

import kept_results
import torch
from kept_results import spread, with_quartiles

import tangentlab as tl

WORKLOADS = [
    ("mlp:width=16,depth=2", (1, 8, 8), 32),
    ("mlp:width=100,depth=2", (1, 28, 28), 32),
    ("mlp:width=100,depth=2", (1, 28, 28), 128),
    ("lenet", (1, 28, 28), 128),
]


STEPS = 20
"""Of an epoch."""


def build(name, shape, seed):
    name, _, options = name.partition(":")
    options = {k: int(v) for k, v in (pair.split("=") for pair in options.split(",") if pair)}
    return tl.build_network(name, shape, outputs=1, seed=seed, **options)


def main():
    parser = kept_results.parser(__doc__)
    for name, value in [("runs", 8), ("pairs", 5)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, {options.threads} threads, {options.runs} runs, medians of {options.pairs} pairs"
    )
    print(f"{'network':24s} {'batch':>5s} {'one by one ms':>14s} {'stacked ms':>11s} ratio, with quartiles")
    kept = {"question": __doc__.splitlines()[0], "stamp": kept_results.stamp(options), "runs": options.runs}
    kept["networks"] = []
    for name, shape, batch in WORKLOADS:
        modules = [build(name, shape, seed) for seed in range(options.runs)]
        x = torch.randn(batch * STEPS, *shape, generator=torch.Generator().manual_seed(0))
        y = (x.flatten(1).sum(1) > 0).float()
        descents = [tl.Descent(batch_size=batch, epochs=1, seed=seed) for seed in range(options.runs)]
        pairs = []
        for _ in range(options.pairs + 1):
            times = []
            for method in ("loop", "stacked"):
                start = time.perf_counter()
                tl.train_many(modules, x, y, descents, method=method)
                times.append((time.perf_counter() - start) / STEPS)
            pairs.append(times)
        loop, stacked = (spread(list(side)) for side in zip(*pairs[1:]))
        ratio = spread([a / b for a, b in pairs[1:]])
        parameters = sum(p.numel() for p in modules[0].parameters())
        found = {"network": name, "parameters": parameters, "batch": batch, "one by one": loop}
        kept["networks"].append(found | {"stacked": stacked, "ratio": ratio})
        print(
            f"{name:24s} {batch:5d} {1e3 * loop['median']:14.2f} {1e3 * stacked['median']:11.2f} "
            + with_quartiles(ratio),
            flush=True,
        )
    kept_results.write("many_runs", kept, results=options.results)


if __name__ == "__main__":
    main()
