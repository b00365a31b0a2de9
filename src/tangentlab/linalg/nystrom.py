"""Uniform Nyström: a low-rank approximation of a positive K from columns chosen at random.

Formula   K ≈ C W⁺ Cᵀ with C = K[:, S], W = K[S, S], S uniform without replacement      Williams and Seeger 2001
Cost      r columns of K, n r² + r³

Kept as the baseline that most of the literature uses: where rows differ in size or come in clusters, randomly
pivoted Cholesky leaves less from as many columns.
"""

from __future__ import annotations

import torch

from tangentlab._seeds import numpy_generator
from tangentlab._shapes import expect_finite
from tangentlab.linalg.columns import Columns
from tangentlab.linalg.low_rank import LowRank, expect_rank
from tangentlab.linalg.matrix_product import product
from tangentlab.linalg.positive import refuse_negative


def uniform_nystrom(columns: Columns, rank: int, *, seed: int = 0) -> LowRank:
    """F (n, rank) from as many columns of K; fewer where these depend on each other up to rounding.

    >>> low = uniform_nystrom(Columns.of(torch.ones(3, 3)), 2)
    >>> low.rank, low.columns, round(low.trace_error, 9)
    (1, 2, 0.0)
    """
    n, device = columns.size, columns.diagonal.device
    rank = expect_rank(rank, size=n)
    drawn = numpy_generator(seed, "nystrom").choice(n, size=rank, replace=False)
    pivots = torch.from_numpy(drawn).to(device)
    chosen = columns.block(None, pivots)
    expect_finite("columns of K", chosen)
    square = chosen[pivots].double()
    values, vectors = torch.linalg.eigh((square + square.T) / 2)
    epsilon = float(torch.finfo(columns.dtype).eps)
    largest = max(float(values[-1]), 0.0)
    refuse_negative(values.flip(0), band=30 * rank * epsilon * largest)
    floor = max(4 * epsilon, rank * float(torch.finfo(torch.float64).eps)) * largest
    kept = values > floor
    root = vectors[:, kept] / values[kept].sqrt()
    factor = product(chosen.contiguous(), root.to(chosen))
    trace = float(columns.diagonal.sum())
    captured = sum(float(part.double().square().sum()) for part in factor.split(4096))
    return LowRank(factor, pivots, trace, max(0.0, trace - captured), columns.cost(pivots))
