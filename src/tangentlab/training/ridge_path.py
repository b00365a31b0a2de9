"""Kernel regression at many ridges from one eigendecomposition.

With K = V diag(λ) Vᵀ and r = y − f0, at ridge ρ: α = V (λ + ρ)⁻¹ Vᵀ r, train residual ρ α, and

    GCV = (1/N) ‖ρ α‖² / ((1/N) tr ρ (K + ρI)⁻¹)²          degrees of freedom = Σ λ / (λ + ρ)

so that each further ridge costs one product and the diagonal of an inverse, O(n²).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, NumericalError
from tangentlab.linalg import BlockEigenpairs, expect_ridge
from tangentlab.training.leave_one_out import left_out_residuals, spectral_blocks

_LEAST = 1e-130
"""Of targets: left-out residuals are larger, by as much as K is ill-conditioned, and squares stay below 1e308."""


@dataclass(frozen=True, eq=False)
class RidgePath:
    """What each of k ridges gives: every field (k,), float64.

    `train_mse` and `leave_one_out_mse` are means of squared residuals over rows and outputs; `gcv` is generalized
    cross-validation, the same mean with every left-out denominator replaced by its average;
    `degrees_of_freedom` is Σ λ/(λ + ridge) for one output (divided by c for kernels that differ by output).

    >>> one = torch.ones(1)
    >>> RidgePath(one, one, torch.tensor([2.0]), one, one).best_ridge
    1.0
    """

    ridges: Tensor
    train_mse: Tensor
    leave_one_out_mse: Tensor
    gcv: Tensor
    degrees_of_freedom: Tensor

    @property
    def best_ridge(self) -> float:
        """The ridge with the least leave-one-out error, which has seen no test row."""
        return float(self.ridges[int(self.leave_one_out_mse.argmin())])


def ridge_path(pairs: BlockEigenpairs, residual: Tensor, *, ridges: Iterable[float]) -> RidgePath:
    """Errors along a path of ridges, from the eigenpairs of K and y − f0 (n, c).

    A ridge of 0 is allowed where K is not singular to rounding. Targets without squares in float64 are refused.

    >>> from tangentlab.linalg import block_eigenpairs
    >>> path = ridge_path(block_eigenpairs(torch.eye(2), outputs=1), torch.tensor([[1.0], [2.0]]), ridges=[1.0])
    >>> path.train_mse.item(), path.leave_one_out_mse.item(), path.gcv.item(), path.degrees_of_freedom.item()
    (0.625, 2.5, 2.5, 1.0)
    """
    ridges = [] if isinstance(ridges, str) else list(ridges)
    if not ridges:
        raise ArgumentError(
            "ridges", expected="one ridge or more", got="none", remedy="Try ridges=[1e-3, 1e-2, 1e-1, 1.0]."
        )
    for ridge in ridges:
        expect_ridge(ridge, name="ridges")
    expect_squares("y - f0", residual)
    smallest = pairs.values[:, -1:]
    if min(ridges) == 0 and bool((smallest <= pairs.floor).any()):
        raise NumericalError(
            f"The kernel is singular to rounding: its smallest eigenvalue is {float(smallest.min()):.2g}, "
            f"its largest {float(pairs.values.max()):.2g}, so that a ridge of 0 has no path.",
            remedy=f"Leave 0 out; begin at {max(10 * float(pairs.floor.max()), 1e-300):.1g} or more.",
        )
    coordinates = pairs.project(residual)
    measured = [_measure(pairs, coordinates, float(ridge)) for ridge in ridges]
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*measured)]
    return RidgePath(torch.tensor(ridges, dtype=torch.float64), *columns)


def _measure(pairs: BlockEigenpairs, coordinates: Tensor, ridge: float) -> tuple[float, float, float, float]:
    inverse = 1 / (pairs.values + ridge)
    alpha = pairs.expand(inverse[..., None] * coordinates)
    diagonal = spectral_blocks(pairs.vectors, inverse, stride=pairs.blocks.stride)
    left_out = left_out_residuals(pairs.blocks, alpha, diagonal)
    dof = float((pairs.values * inverse).sum()) * pairs.blocks.rows / inverse.numel()
    gcv = generalized_cross_validation(alpha, trace=float(inverse.sum()), size=inverse.numel())
    return ridge**2 * mean_square(alpha), mean_square(left_out), gcv, dof


def expect_squares(name: str, values: Tensor) -> None:
    """Refuse numbers whose squares, at any condition of the kernel, leave the range of float64; zeros pass.

    >>> expect_squares("y", torch.tensor([1e200], dtype=torch.float64))
    Traceback (most recent call last):
    tangentlab._errors.NumericalError: `y` has numbers of up to 1e+200, whose squares float64 does not hold. Divide ...
    """
    largest = float(values.abs().max())
    if largest and not _LEAST < largest < 1 / _LEAST:
        raise NumericalError(
            f"`{name}` has numbers of up to {largest:.3g}, whose squares float64 does not hold.",
            remedy=f"Divide the targets (and f0, where given) by {largest:.3g}; squared errors are then in its square.",
        )


def mean_square(values: Tensor) -> float:
    """Mean of the squares over rows and outputs.

    >>> mean_square(torch.tensor([[1.0], [2.0]]))
    2.5
    """
    return float((values**2).mean())


def generalized_cross_validation(coefficients: Tensor, *, trace: float, size: int) -> float:
    """GCV from α (n, c) and tr (K + ridge I)⁻¹ over all systems of `size` rows together.

    The ridge cancels, so that the ridgeless limit is included: mean α² / (trace / size)².

    >>> generalized_cross_validation(torch.tensor([[0.5], [1.0]]), trace=1.0, size=2)
    2.5
    """
    return mean_square(coefficients / (trace / size))  # at any scale of the kernel; squares of either are lost
