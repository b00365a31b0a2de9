"""How much of a kernel do a few of its columns hold, and what is that worth to a solver?

For the tangent kernel of LeNet on Fashion-MNIST (or the bundled digits), for a Gaussian kernel of clustered rows and
for a linear kernel of heavy-tailed rows: the trace left out by randomly pivoted Cholesky and by uniform Nyström from
4 k columns, as a multiple of what the best approximation of rank k leaves, cut back to rank k ("rank k") and whole
("4 k columns"); medians over seeds. Then the iterations of conjugate gradients with and without it, and the seconds.

    python benchmarks/low_rank.py [--rows 2000] [--seeds 5]

Figures go to benchmarks/results/low_rank.json.
"""

import statistics
import time
import warnings

import kept_results
import numpy as np
import torch

import tangentlab as tl
from tangentlab.kernels import NeuralTangentKernel, kernel_columns
from tangentlab.linalg import Columns, conjugate_gradient, pivoted_cholesky, uniform_nystrom


def tangent(rows):
    try:
        x = tl.load("fashion-mnist").x[:rows]
    except tl.TangentlabError:
        x = tl.load("digits").x[:rows]
    kernel = NeuralTangentKernel(tl.build_network("lenet", tuple(x.shape[1:]), outputs=1, seed=0), outputs=0)
    return kernel_columns(kernel, x), kernel(x).double()


def clustered(rows):
    """Nine rows of ten in one tight cluster, the others on their own or nearly."""
    source = np.random.default_rng(0)
    alone = rows // 10
    label = np.r_[np.zeros(rows - alone, int), 1 + np.arange(alone) % 100]
    X = 5 * source.standard_normal((101, 20))[label] + 0.05 * source.standard_normal((rows, 20))
    K = torch.exp(-(torch.cdist(torch.from_numpy(X), torch.from_numpy(X)) ** 2) / 40)
    return Columns.of((K + K.T) / 2), K


def heavy_tailed(rows):
    X = torch.from_numpy(np.random.default_rng(0).standard_t(1.2, (rows, 60)))
    return Columns.of(X @ X.T), X @ X.T


CASES = {
    "LeNet's tangent kernel": (tangent, 100),
    "clustered rows": (clustered, 50),
    "heavy tails": (heavy_tailed, 8),
}


def main():
    parser = kept_results.parser(__doc__)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kept = {"question": __doc__.splitlines()[0], "stamp": kept_results.stamp(options), "cases": {}}
    for name, (make, k) in CASES.items():
        columns, K = make(options.rows)
        best = float(torch.linalg.eigvalsh(K).flip(0)[k:].clamp_min(0).sum())
        print(f"{name}, {len(K)} rows, k = {k}; the best rank k leaves {best / K.trace():.2e} of tr K")
        left = {}
        case = kept["cases"][name] = {
            "rows": len(K),
            "k": k,
            "best_over_trace": float(best / K.trace()),
            "left": {},
        }
        for title, method in (("pivoted Cholesky", pivoted_cholesky), ("uniform Nyström", uniform_nystrom)):
            start = time.perf_counter()
            found = [method(columns, 4 * k, seed=seed) for seed in range(options.seeds)]
            seconds = (time.perf_counter() - start) / options.seeds
            left[title] = statistics.median(low.trace_error for low in found)
            short = statistics.median(low.truncate(k).trace_error for low in found)
            case["left"][title] = {"rank k": short / best, "4 k columns": left[title] / best, "seconds": seconds}
            print(
                f"    {title:17s} rank k {short / best:6.3f} of the best, 4 k columns {left[title] / best:8.2g}; "
                f"{found[0].columns} columns in {seconds:.2f} s"
            )
        print(
            f"    uniform leaves {left['uniform Nyström'] / max(left['pivoted Cholesky'], 1e-300):.3g} times as much"
        )
        low = pivoted_cholesky(columns, 4 * k)
        ridge = 1e-5 * float(K.trace())
        b = torch.randn(len(K), 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain = conjugate_gradient(K, b, ridge=ridge, iterations=2000)
            helped = conjugate_gradient(K, b, ridge=ridge, preconditioner=low, iterations=2000)
        case["iterations"] = {"plain": plain.iterations, "with it": helped.iterations}
        print(
            f"    conjugate gradients, ridge 1e-5 tr K, 8 sides: {plain.iterations} iterations plain, residual "
            f"{plain.residuals.max():.0e}; {helped.iterations} with it, residual {helped.residuals.max():.0e}"
        )
    kept_results.write("low_rank", kept, results=options.results)


if __name__ == "__main__":
    main()
