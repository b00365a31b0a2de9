"""Nyström from a random sketch: a low-rank approximation of a positive K from one product with a block of vectors.

Formula   K ≈ (K Ω) (Ωᵀ K Ω)⁺ (K Ω)ᵀ with Ω (n, r) orthonormal and uniformly directed
Source    Frangella, Tropp and Udell 2023, as preconditioner; their shift is replaced by leaving rounding out
Cost      one product of K with r vectors, n r² + r³

For a K of which columns cannot be had one by one: tiles on disk, an operator. Where they can, `pivoted_cholesky` takes
fewer numbers of K.
"""

from __future__ import annotations

from typing import Any

import torch

from tangentlab._seeds import generator
from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.low_rank import LowRank, expect_rank
from tangentlab.linalg.positive import refuse_negative


def sketched_nystrom(K: Any, rank: int, *, seed: int = 0) -> LowRank:
    """F (n, rank) with K ≈ F Fᵀ for a positive K (see `LinearMap.of`); fewer columns where K has no more.

    `columns` counts the products with vectors. The trace is read where K knows its diagonal and estimated from the
    sketch where it does not, and so is the trace that is left out.

    >>> low = sketched_nystrom(torch.ones(3, 3), 2)
    >>> low.rank, low.columns, round(low.trace_error, 5)
    (1, 2, 0.0)
    """
    K = LinearMap.of(K)
    n = K.size
    rank = expect_rank(rank, size=n)
    drawn = torch.randn(n, rank, generator=generator(seed, "sketched_nystrom"), dtype=torch.float64)
    omega = torch.linalg.qr(drawn.to(K.device))[0].to(K.dtype)
    image = K(omega).double()
    square = omega.double().T @ image
    values, vectors = torch.linalg.eigh((square + square.T) / 2)
    largest = max(float(values[-1]), 0.0)
    refuse_negative(values.flip(0), band=30 * rank * K.rounding * max(largest, float(image.norm())), name=K.name)
    floor = max(4 * K.rounding, rank * float(torch.finfo(torch.float64).eps)) * largest
    kept = values > floor
    factor = image @ (vectors[:, kept] / values[kept].sqrt())
    known = K.dense is not None or K.read_diagonal is not None
    trace = float(K.diagonal().sum()) if known else float(values.sum()) * n / rank
    left = max(0.0, trace - float(factor.square().sum()))
    return LowRank(factor.to(K.dtype), torch.empty(0, dtype=torch.long), trace, left, rank)
