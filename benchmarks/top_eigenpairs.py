"""How much faster than SciPy's `eigsh` are the leading eigenpairs of a tangent kernel, at equal residuals?

The kernel is that of LeNet (one output) on Fashion-MNIST, or on images of 1/f noise where it is not installed. Both
solvers are given the same float32 (or float64) matrix and asked for the k largest pairs; the residuals
‖K v − λ v‖ / λ_1 of both are then measured in float64. Paired: the two run in turn, and the ratio of each pair of times
is kept. ARPACK's tolerance is 1e-5 of each eigenvalue in float32: a looser one saves it nothing, for it meets it in its
first sweep.

    python benchmarks/top_eigenpairs.py                        # 2,048 and 4,096 rows, an eighth of the pairs
    python benchmarks/top_eigenpairs.py --rows 8192 --k 1000 --pairs 1

Figures go to benchmarks/results/top_eigenpairs.json.
"""

import time
from contextlib import suppress

import kept_results
import numpy as np
import torch
from kept_results import spread, write_run
from scipy.sparse.linalg import eigsh

import tangentlab as tl
from tangentlab.linalg import krylov_eigenpairs


def noise(rows):
    """Images with the spectrum of natural ones."""
    size = np.hypot(np.fft.fftfreq(28)[:, None], np.fft.fftfreq(28)[None])
    size[0, 0] = 1 / 28
    white = np.random.default_rng(0).standard_normal((rows, 28, 28))
    images = np.fft.ifft2(np.fft.fft2(white) / size).real
    return torch.from_numpy((images / images.std())[:, None].astype(np.float32))


def images(name, rows):
    if name != "noise":
        with suppress(tl.TangentlabError):
            return name, tl.load("fashion-mnist").x[:rows]
    return "noise", noise(rows)


def residuals(K, values, vectors):
    """‖K v − λ v‖ / λ_1 in float64, row block by row block."""
    total = np.zeros(len(values))
    for start in range(0, len(K), 1024):
        part = slice(start, start + 1024)
        total += ((K[part].astype(np.float64) @ vectors - vectors[part] * values) ** 2).sum(0)
    return np.sqrt(total) / np.abs(values).max()


def by_scipy(K, k, tolerance):
    start = time.perf_counter()
    v0 = np.random.default_rng(0).standard_normal(len(K)).astype(K.dtype)
    values, vectors = eigsh(K, k=k, which="LA", v0=v0, tol=tolerance)
    return time.perf_counter() - start, values.astype(np.float64), vectors.astype(np.float64)


def by_block_krylov(K, k):
    start = time.perf_counter()
    pairs = krylov_eigenpairs(K, k)
    return time.perf_counter() - start, pairs.values.numpy(), pairs.vectors.numpy()


def quantiles(r):
    return {"largest": float(r.max()), "median": float(np.median(r)), "last": float(r[-1])}


def main():
    parser = kept_results.parser(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[2048, 4096])
    parser.add_argument("--k", type=int, help="default an eighth of the rows")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--data", default="fashion-mnist", choices=["fashion-mnist", "noise"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, {options.threads} threads, {options.dtype}, medians of {options.pairs} pairs"
    )
    network = tl.build_network("lenet", (1, 28, 28), outputs=1, seed=0)
    by_block_krylov(np.eye(512, dtype=options.dtype), 8)
    for rows in options.rows:
        data, x = images(options.data, rows)
        K = tl.ntk(network, x, outputs=0).numpy().astype(options.dtype)
        k = options.k or rows // 8
        tolerance = 1e-5 if options.dtype == "float32" else 0.0
        times = []
        for _ in range(options.pairs):
            own = by_block_krylov(K, k)
            scipy = by_scipy(K, k, tolerance)
            times.append((own[0], scipy[0]))
        order = np.argsort(scipy[1])[::-1]
        values, vectors = scipy[1][order], scipy[2][:, order]
        ours, theirs = residuals(K, own[1], own[2]), residuals(K, values, vectors)
        found = {
            "data": data,
            "dtype": options.dtype,
            "rows": len(K),
            "k": k,
            "last_over_first": float(values[-1] / values[0]),
            "ratio": spread([b / a for a, b in times]),
            "own": {"seconds": spread([a for a, _ in times]), "residuals": quantiles(ours)},
            "eigsh": {"seconds": spread([b for _, b in times]), "residuals": quantiles(theirs)},
            "values_differ": float(np.abs(own[1] / values - 1).max()),
        }
        print(
            f"{data}, {len(K)} rows, {k} pairs, λ_k/λ_1 {values[-1] / values[0]:.1e}: "
            f"block Krylov {found['own']['seconds']['median']:.2f} s, eigsh "
            f"{found['eigsh']['seconds']['median']:.2f} s, ratio {found['ratio']['median']:.1f}"
        )
        for name in ("own", "eigsh"):
            said = ", ".join(f"{which} {r:.1e}" for which, r in found[name]["residuals"].items())
            print(f"    {name:5s} residual / λ_1: {said}")
        print(f"    eigenvalues differ by {found['values_differ']:.1e} of their own at most", flush=True)
        write_run(
            "top_eigenpairs", __doc__.splitlines()[0], found, key=("data", "dtype", "rows", "k"), options=options
        )


if __name__ == "__main__":
    main()
