"""What does one gradient step of a linearized network cost, in steps of the network itself?

Paired: the two steps are taken in turn and the ratio of each pair is kept. Prints, for each network, the median
milliseconds of both steps and the median ratio with its quartiles.

    python benchmarks/linearized_step.py [--pairs 15] [--threads 1]
"""

import argparse
import statistics
import time

import torch

import tangentlab as tl

WORKLOADS = {
    "mlp": ((1, 28, 28), 512),
    "lenet": ((1, 28, 28), 256),
    "resnet18": ((3, 32, 32), 16),
    "vit": ((3, 32, 32), 32),
}


def step(module, x):
    for parameter in module.parameters():
        parameter.grad = None
    module(x).square().sum().backward()


def seconds(module, x):
    start = time.perf_counter()
    step(module, x)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, medians of {options.pairs} pairs")
    print(f"{'network':10s} {'rows':>5s} {'network ms':>11s} {'linear ms':>10s} {'ratio':>6s}  quartiles")
    for name, (shape, rows) in WORKLOADS.items():
        network = tl.build_network(name, shape, outputs=10, seed=0).eval()
        linear = tl.linearize(network)
        x = torch.randn(rows, *shape, generator=torch.Generator().manual_seed(0))
        for _ in range(3):
            step(network, x)
            step(linear, x)
        pairs = [(seconds(network, x), seconds(linear, x)) for _ in range(options.pairs)]
        ratios = sorted(b / a for a, b in pairs)
        quartiles = statistics.quantiles(ratios, n=4)
        own, its = (1e3 * statistics.median(side) for side in zip(*pairs))
        spread = f"{quartiles[0]:.2f} to {quartiles[2]:.2f}"
        print(f"{name:10s} {rows:5d} {own:11.2f} {its:10.2f} {quartiles[1]:6.2f}  {spread}")


if __name__ == "__main__":
    main()
