"""The trace of a symmetric map from few products, and the effective dimension of a kernel, with standard errors.

Formula   XTrace: tr A ≈ mean over i of tr(Q_iᵀ A Q_i) + what ω_i sees outside of Q_i, Q_i an orthonormal basis of
          A ω_j for all j ≠ i: every sample serves the low-rank part and, in turn, the rest
Source    Epperly, Tropp and Webber 2024 (XTrace, with vectors scaled on the sphere outside of Q_i)
Error     √2 times the standard error of that mean as if its terms were independent: they share their samples, and
          the plain one is some 10 to 45 % too small; 0 where the samples span the range of A, for then it is exact
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.linalg.conjugate_gradient import conjugate_gradient
from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.low_rank import LowRank
from tangentlab.linalg.positive import refuse_negative


@dataclass(frozen=True)
class TraceEstimate:
    """A trace, its standard error, and the products with vectors that it took.

    >>> TraceEstimate(10.0, 0.5, 40)
    TraceEstimate(value=10.0, standard_error=0.5, products=40)
    """

    value: float
    standard_error: float
    products: int


def trace_estimate(K: Any, *, samples: int | None = 100, seed: int = 0) -> TraceEstimate:
    """tr K from `samples` products with random vectors; exact where these would be n, or with `samples=None`.

    >>> trace_estimate(torch.diag(torch.tensor([3.0, 1.0])))
    TraceEstimate(value=4.0, standard_error=0.0, products=0)
    """
    K = LinearMap.of(K)
    if _exactly(samples, K.size):
        free = K.dense is not None or K.read_diagonal is not None
        return TraceEstimate(float(K.diagonal().sum()), 0.0, 0 if free else K.size)
    return _xtrace(lambda V: K(V.to(K.dtype)).double(), K, samples or 0, seed)


def effective_dimension(
    K: Any,
    ridge: float,
    *,
    samples: int | None = 100,
    preconditioner: LowRank | None = None,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> TraceEstimate:
    """tr K (K + ridge I)⁻¹: the directions that a ridge leaves standing, for a positive K.

    From `samples` solves by conjugate gradients to `tolerance`, which the estimate inherits; from all eigenvalues,
    O(n³), where the samples would be n or with `samples=None`. `products` counts products with K.

    >>> effective_dimension(torch.diag(torch.tensor([1.0, 3.0])), 1.0, samples=None).value
    1.25
    """
    K = LinearMap.of(K)
    if not 0 < ridge < float("inf"):
        raise ArgumentError("ridge", expected="a finite number above 0", got=repr(ridge), remedy="Try 1e-3.")
    if _exactly(samples, K.size):
        values = torch.linalg.eigvalsh(K.materialize()).flip(0)
        refuse_negative(values, band=30 * K.size * K.rounding * float(values.abs().max()), name=K.name)
        values = values.clamp_min(0)
        return TraceEstimate(float((values / (values + ridge)).sum()), 0.0, 0 if K.dense is not None else K.size)
    spent = 0

    def apply(vectors: Tensor) -> Tensor:
        nonlocal spent
        found = conjugate_gradient(K, vectors, ridge=ridge, preconditioner=preconditioner, tolerance=tolerance)
        spent += found.iterations * vectors.shape[1]
        return vectors - ridge * found.value

    estimate = _xtrace(apply, K, samples or 0, seed)
    return TraceEstimate(estimate.value, estimate.standard_error, spent)


def _exactly(samples: int | None, size: int) -> bool:
    if samples is None:
        return True
    expected = "None or a whole number of at least 4"
    return expect_whole_number("samples", samples, least=4, expected=expected, remedy="Try samples=100.") >= size


def _xtrace(apply: Callable[[Tensor], Tensor], K: LinearMap, samples: int, seed: int) -> TraceEstimate:
    n, s = K.size, samples // 2
    source = generator(seed, "trace_estimate")
    omega = torch.randn(n, s, generator=source, dtype=torch.float64).to(K.device)
    images = apply(omega)
    basis, upper = torch.linalg.qr(images)
    second = apply(basis)
    inner = basis.T @ second
    weight = upper.diagonal().abs()
    if float(weight.min()) <= 1e-10 * float(weight.max()):
        return TraceEstimate(float(inner.trace()), 0.0, 2 * s)  # the range of A is known, all of it
    identity = torch.eye(s, dtype=torch.float64, device=K.device)
    lost = torch.linalg.solve_triangular(upper.T, identity, upper=False)
    lost = lost / lost.norm(dim=0)  # column i: the direction of the basis that only sample i gave
    inside = basis.T @ omega
    inside = inside - lost * (lost * inside).sum(0)
    outside = omega - basis @ inside
    remainder = (outside * (images - second @ inside)).sum(0) * (n - s + 1) / outside.square().sum(0)
    each = inner.trace() - (lost * (inner @ lost)).sum(0) + remainder
    return TraceEstimate(float(each.mean()), float(each.std() * (2 / s) ** 0.5), 2 * s)
