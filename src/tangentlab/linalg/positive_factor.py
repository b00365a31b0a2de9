"""Cholesky factor of K + ridge I, with what it cost to have it: the condition and the jitter.

A factor that exists in float64 is used as it is. Where a kernel is singular to rounding, the smallest jitter
that makes it exist is searched by factors of ten from ε ‖K‖₂ and reported; it is never large enough to hide a
kernel that is not positive, because that is refused before.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.linalg import get_lapack_funcs
from torch import Tensor

from tangentlab._errors import ArgumentError, NumericalError
from tangentlab.linalg.floating_tensor import rounding_of
from tangentlab.linalg.positive import expect_positive, spectral_norm, symmetric


@dataclass(frozen=True, eq=False)
class PositiveFactor:
    """L Lᵀ = K + (ridge + jitter) I, float64.

    `matrix` is K, `lower` is L, `ridge` what was asked, `jitter` what was added beyond it, `condition` LAPACK's
    estimate of the condition number of L Lᵀ in the 1-norm, `rounding` the ε that K was computed with, and `name` what
    K is called in sentences.

    >>> factor = factor_positive(torch.diag(torch.tensor([3.0, 1.0])), ridge=1.0)
    >>> round(factor.condition, 9), factor.jitter, factor.solve(torch.ones(2, 1)).flatten().tolist()
    (2.0, 0.0, [0.25, 0.5])
    """

    matrix: Tensor
    lower: Tensor
    ridge: float
    jitter: float
    condition: float
    rounding: float
    name: str = "K"

    @property
    def doubt(self) -> str | None:
        """A sentence when jitter was needed or the condition exceeds 1/ε, for then small directions are rounding.

        >>> factor_positive(torch.diag(torch.tensor([1.0, 1e-9])), ridge=0.0).doubt
        '`K` + 0 I has condition 1e+09, more than the precision it was computed in, 1.2e-07, can tell: ...'
        >>> factor_positive(torch.diag(torch.tensor([1.0, 1e-9])), ridge=0.1).doubt
        """
        if self.jitter:
            return (
                f"`{self.name}` of {len(self.lower)} rows is singular to rounding: {self.jitter:.2g} was added to its "
                "diagonal. Give a larger ridge to choose for yourself."
            )
        if self.condition * self.rounding > 1:
            return (
                f"`{self.name}` + {self.ridge:.2g} I has condition {self.condition:.2g}, more than the precision "
                f"it was computed in, {self.rounding:.2g}, can tell: small directions of the solution are rounding. "
                "Give a larger ridge."
            )
        return None

    def solve(self, b: Tensor) -> Tensor:
        """(L Lᵀ)⁻¹ b for b (n, r), with one step of refinement towards (K + ridge I)⁻¹ b where that helps.

        >>> factor_positive(torch.eye(2), ridge=1.0).solve(torch.ones(2, 1)).flatten().tolist()
        [0.5, 0.5]
        """
        b = b.to(self.lower)
        x = torch.cholesky_solve(b, self.lower)
        miss = b - self.product(x)
        refined = x + torch.cholesky_solve(miss, self.lower)
        better = (b - self.product(refined)).norm(dim=0) < miss.norm(dim=0)
        return torch.where(better, refined, x)

    def product(self, x: Tensor) -> Tensor:
        """(K + ridge I) x.

        >>> factor_positive(torch.eye(2), ridge=1.0).product(torch.ones(2, 1)).flatten().tolist()
        [2.0, 2.0]
        """
        x = x.to(self.matrix)
        return self.matrix @ x + self.ridge * x

    def inverse(self) -> Tensor:
        """(L Lᵀ)⁻¹ (n, n), for leave-one-out. O(n³).

        >>> factor_positive(torch.eye(2), ridge=3.0).inverse().diagonal().tolist()
        [0.25, 0.25]
        """
        return torch.cholesky_inverse(self.lower)


def factor_positive(
    K: Any, *, ridge: float = 0.0, rounding: float | None = None, name: str = "K"
) -> PositiveFactor:
    """Factor K + ridge I for a symmetric positive semidefinite K (n, n); refuses any other. O(n³).

    `rounding` as in `symmetric`. Look at `.doubt` before trusting a solution.

    >>> factor_positive(torch.tensor([[1.0, 2.0], [2.0, 1.0]]))
    Traceback (most recent call last):
    tangentlab._errors.NotPositiveError: `K` must be positive semidefinite, and has 1 negative eigenvalue of 2, ...
    """
    expect_ridge(ridge)
    rounding = rounding_of(K) if rounding is None else rounding
    matrix = symmetric(K, name=name, rounding=rounding)
    n = len(matrix)
    scale = spectral_norm(matrix)
    band = 30 * n * rounding * scale
    lower = _cholesky(matrix, ridge)
    if lower is None or ridge > band:  # a factor proves λ_min > −ridge, which says too little when ridge > band
        expect_positive(matrix, band=band, name=name)
    jitter = 0.0
    while lower is None:
        jitter = 10 * jitter if jitter else float(np.finfo(np.float64).eps) * (scale + ridge)
        if not 0 < jitter <= 10 * band:
            raise NumericalError(
                f"`{name}` of {n} rows is zero, and has no inverse."
                if scale == 0
                else f"`{name}` of {n} rows has no Cholesky factor, even with {jitter:.2g} added to its diagonal.",
                remedy="Give a ridge.",
            )
        lower = _cholesky(matrix, ridge + jitter)
    condition = _condition(matrix, ridge + jitter, lower)
    return PositiveFactor(matrix, lower, ridge, jitter, condition, rounding, name)


def expect_ridge(ridge: float, *, name: str = "ridge") -> None:
    """Refuse a ridge that is not a finite number ≥ 0.

    >>> expect_ridge(-1.0)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `ridge` must be a finite number, 0 or more, got -1.0. Try 1e-3.
    """
    if not (isinstance(ridge, numbers.Real) and np.isfinite(ridge) and ridge >= 0):
        raise ArgumentError(name, expected="a finite number, 0 or more", got=repr(ridge), remedy="Try 1e-3.")


def _cholesky(matrix: Tensor, shift: float) -> Tensor | None:
    shifted = matrix.clone()
    shifted.diagonal().add_(shift)
    lower, info = torch.linalg.cholesky_ex(shifted)
    return None if int(info) else lower


def _condition(matrix: Tensor, shift: float, lower: Tensor) -> float:
    n = len(matrix)
    if n == 0:
        return 1.0
    shifted = matrix.clone()
    shifted.diagonal().add_(shift)
    norm = float(torch.linalg.matrix_norm(shifted, 1))
    upper = lower.cpu().numpy().T  # the same memory, in LAPACK's order
    (pocon,) = get_lapack_funcs(("pocon",), (upper,))
    reciprocal, _ = pocon(upper, norm, uplo="U")
    return 1 / reciprocal if reciprocal > 0 else float("inf")
