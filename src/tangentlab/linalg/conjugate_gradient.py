"""Solve (K + ridge I) a = b by preconditioned conjugate gradients, for K too large to factor.

Every right-hand side has its own iteration and all share the products K V; one that has converged leaves the block.
Products of a float32 kernel are made in float32 and the residual is renewed in float64 between rounds (iterative
refinement), so that the answer is as good as the tolerance says and not as the products.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, NotPositiveError
from tangentlab._shapes import expect_shape
from tangentlab.linalg.floating_tensor import floating_tensor
from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.low_rank import LowRank
from tangentlab.linalg.low_rank_preconditioner import LowRankPreconditioner
from tangentlab.linalg.positive import NumericalWarning
from tangentlab.linalg.positive_factor import expect_ridge

_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class IterativeSolution:
    """a with (K + ridge I) a ≈ b, and how well.

    `value` is shaped as b, float64; `residuals` (r,) are ‖(K + ridge I) a − b‖ / ‖b‖ for each right-hand side, measured
    and not carried along; `iterations` counts products with a block, those that measure included; `doubt` is a
    sentence where the tolerance was not met, else None.

    >>> solution = conjugate_gradient(torch.eye(2), torch.tensor([2.0, 4.0]), ridge=1.0)
    >>> solution.value.tolist(), solution.doubt
    ([1.0, 2.0], None)
    """

    value: Tensor
    residuals: Tensor
    iterations: int
    doubt: str | None


def conjugate_gradient(
    K: Any,
    b: Any,
    *,
    ridge: float,
    preconditioner: LowRank | None = None,
    tolerance: float = 1e-8,
    iterations: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> IterativeSolution:
    """Solve (K + ridge I) a = b for a positive K (see `LinearMap.of`) and b (n,) or (n, r).

    With `preconditioner` a low-rank approximation of the same K, the iterations needed depend on what it leaves out:
    about √(1 + ‖K − F Fᵀ‖ / ridge) times the digits wanted. A `NumericalWarning` says, with figures, when `iterations`
    were not enough or rounding stopped it.

    >>> conjugate_gradient([[4.0, 0.0], [0.0, 16.0]], [4.0, 4.0], ridge=0.0).value.tolist()
    [1.0, 0.25]
    """
    K = LinearMap.of(K)
    expect_ridge(ridge)
    if not 0 < tolerance < 1:
        raise ArgumentError("tolerance", expected="between 0 and 1", got=repr(tolerance), remedy="Try 1e-8.")
    given = floating_tensor("b", b)
    columns = (given[:, None] if given.ndim == 1 else given).to(dtype=torch.float64, device=K.device)
    expect_shape("b", columns, "n r", n=K.size)
    solver = None
    if preconditioner is not None:
        expect_shape("preconditioner", preconditioner.factor, "n r", n=K.size)
        solver = LowRankPreconditioner.of(preconditioner, ridge=ridge)
    size = columns.norm(dim=0)
    value, left = torch.zeros_like(columns), columns.clone()
    spent, stuck = 0, False
    for _ in range(_ROUNDS):
        relative = left.norm(dim=0) / size.clamp_min(torch.finfo(torch.float64).tiny)
        late = relative > tolerance
        if not bool(late.any()) or spent >= iterations or stuck:
            break
        reach = tolerance / relative[late] / 2
        if K.dtype == torch.float32:
            reach = reach.clamp_min(1e-5)  # what a float32 product can tell
        step, made = _round(K, left[:, late], ridge, solver, reach, most=iterations - spent - 1, progress=progress)
        value[:, late] += step
        renewed = columns[:, late] - K(value[:, late]) - ridge * value[:, late]
        worse = renewed.norm(dim=0) > left[:, late].norm(dim=0)
        value[:, late] -= torch.where(worse, step, 0.0)
        renewed = torch.where(worse, left[:, late], renewed)
        stuck = bool((renewed.norm(dim=0) > 0.5 * left[:, late].norm(dim=0)).all())
        left[:, late] = renewed
        spent += made + 1
    residuals = left.norm(dim=0) / torch.where(size > 0, size, 1.0)
    doubt = _doubt(residuals, tolerance, spent=spent, most=iterations)
    if doubt is not None:
        warnings.warn(doubt, NumericalWarning, stacklevel=2)
    return IterativeSolution(value.reshape(given.shape), residuals, spent, doubt)


def _round(
    K: LinearMap,
    b: Tensor,
    ridge: float,
    solver: LowRankPreconditioner | None,
    reach: Tensor,
    *,
    most: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Tensor, int]:
    """One run of the iteration from zero until each residual is below `reach` times its b; and the products made."""
    value, left = torch.zeros_like(b), b.clone()
    goal = reach * b.norm(dim=0)
    active = torch.arange(b.shape[1], device=b.device)
    smooth = left if solver is None else solver.solve(left)
    along, fit = smooth.clone(), (left * smooth).sum(0)
    steepest = 0.0
    for done in range(max(most, 0)):
        image = K(along.to(K.dtype)).double() + ridge * along
        bend = (along * image).sum(0)
        _refuse_negative(bend, along, image, K)
        slope = bend / along.square().sum(0)
        steepest = max(steepest, float(slope.max()))
        bends = slope > K.size * float(torch.finfo(torch.float64).eps) * steepest  # else it is singular along here
        length = torch.where(bends, fit / bend, 0.0)
        value[:, active] += length * along
        left = left - length * image
        if progress is not None:
            progress(done + 1, most)
        going = (left.norm(dim=0) > goal[active]) & bends
        if not bool(going.any()):
            return value, done + 1
        active, left, along, before = active[going], left[:, going], along[:, going], fit[going]
        smooth = left if solver is None else solver.solve(left)
        fit = (left * smooth).sum(0)
        along = smooth + (fit / before) * along
    return value, max(most, 0)


def _refuse_negative(bend: Tensor, along: Tensor, image: Tensor, K: LinearMap) -> None:
    length = along.norm(dim=0)
    allowed = 30 * K.size * K.rounding * length * image.norm(dim=0)
    worst = int((bend + allowed).argmin())
    if float(bend[worst]) < -float(allowed[worst]):
        raise NotPositiveError(
            f"`{K.name}` + ridge I must be positive, and along one direction it is "
            f"{float(bend[worst] / length[worst] ** 2):.3g}.",
            remedy="Check that it is a kernel of one set of rows with itself, or give a larger ridge.",
        )


def _doubt(residuals: Tensor, tolerance: float, *, spent: int, most: int) -> str | None:
    late = residuals > tolerance
    if not bool(late.any()):
        return None
    reason = (
        f"after {spent} iterations" if spent >= most else f"where rounding stopped it after {spent} iterations"
    )
    return (
        f"Conjugate gradients left a residual above {tolerance:.1g} in {int(late.sum())} of {len(residuals)} "
        f"right-hand sides {reason}, the largest {float(residuals.max()):.2g}. Give a larger ridge, a "
        "preconditioner of higher rank, or more iterations."
    )
