"""What does one gradient step of a linearized network cost, in steps of the network itself?

Paired: the two steps are taken in turn and the ratio of each pair is kept. Prints, for each network, the median
milliseconds of both steps and the median ratio with its quartiles.

    python benchmarks/linearized_step.py [--pairs 15] [--threads 2]

Figures go to benchmarks/results/linearized_step.json.
"""

import time

import kept_results
import torch
from kept_results import spread, with_quartiles

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
    parser = kept_results.parser(__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, medians of {options.pairs} pairs")
    print(f"{'network':10s} {'rows':>5s} {'network ms':>11s} {'linear ms':>10s} ratio, with quartiles")
    kept = {"question": __doc__.splitlines()[0], "stamp": kept_results.stamp(options), "networks": {}}
    for name, (shape, rows) in WORKLOADS.items():
        network = tl.build_network(name, shape, outputs=10, seed=0).eval()
        linear = tl.linearize(network)
        x = torch.randn(rows, *shape, generator=torch.Generator().manual_seed(0))
        for _ in range(3):
            step(network, x)
            step(linear, x)
        pairs = [(seconds(network, x), seconds(linear, x)) for _ in range(options.pairs)]
        own, its = (spread(list(side)) for side in zip(*pairs))
        ratio = spread([b / a for a, b in pairs])
        kept["networks"][name] = {"rows": rows, "network": own, "linearization": its, "ratio": ratio}
        print(
            f"{name:10s} {rows:5d} {1e3 * own['median']:11.2f} {1e3 * its['median']:10.2f} "
            + with_quartiles(ratio),
            flush=True,
        )
    kept_results.write("linearized_step", kept, results=options.results)


if __name__ == "__main__":
    main()
