"""Complexity of a target under a kernel: its squared norm in the RKHS, and a lower bound that is cheap.

    norm = yᵀ K⁻¹ y   ≥   ‖y‖⁴ / (yᵀKy) = lower_bound

by Cauchy–Schwarz on (K^½ y)·(K^−½ y), with equality exactly when y lies in one eigenspace. Neither is free of the
kernel's scale; `normalized` = norm · tr K / n² is, and bounds the excess risk of a 1-Lipschitz loss through its
square root (Bartlett and Mendelson, 2002).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from tangentlab._errors import DataError
from tangentlab.linalg import block_eigenpairs, factor_positive
from tangentlab.probes.kernel_target import KernelTarget


@dataclass(frozen=True)
class Complexity:
    """`norm` yᵀ(K + ridge I)⁻¹y, its `lower_bound`, and `normalized` = norm · tr K / n².

    `rank` counts the eigenvalues of K + ridge I above the noise floor and `null_share` is the share of ‖y‖² in the
    other directions. Those count as if their eigenvalue stood at the floor: then K cannot tell how large the norm
    is, the figure is a lower estimate, and `is_exact` is False.

    >>> Complexity(norm=2.0, lower_bound=1.0, normalized=2.0, rank=3, null_share=0.0).is_exact
    True
    """

    norm: float
    lower_bound: float
    normalized: float
    rank: int
    null_share: float

    @property
    def gap(self) -> float:
        """norm / lower_bound, 1 or more: by how much alignment alone makes the target look too easy.

        >>> Complexity(norm=3.0, lower_bound=1.5, normalized=2.0, rank=3, null_share=0.0).gap
        2.0
        """
        return self.norm / self.lower_bound

    @property
    def is_exact(self) -> bool:
        """Whether the kernel reaches all of the target."""
        return self.null_share == 0


def complexity(K: Any, y: Any, *, ridge: float = 0.0, rounding: float | None = None) -> Complexity:
    """Complexity yᵀK⁻¹y of y (n,) or (n, c) under a positive K (n, n), (n, n, c) or (n, n, c, c). O(n³).

    With a bias, pass y − f0. Sums over columns of y; tr K is that of one output. `ridge` is added to the
    diagonal, in the bound too. A kernel singular to rounding is decomposed, and what it does not reach is
    reported; one that is not positive is refused. `rounding` is the machine epsilon K was computed with.

    >>> complexity([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
    Complexity(norm=3.0, lower_bound=2.66..., normalized=4.5, rank=2, null_share=0.0)
    >>> found = complexity([[1.0, 1.0], [1.0, 1.0]], [1.0, 0.0])       # equal rows with unequal targets
    >>> found.norm > 1e14, found.rank, round(found.null_share, 9), found.is_exact
    (True, 1, 0.5, False)
    """
    pair = KernelTarget.of(K, y, rounding=rounding)
    if not bool(pair.blocks.systems.any()):
        raise DataError("`K` is zero everywhere: no target has a norm under it.", remedy="Check its anchor.")
    energy, n = pair.target_energy, pair.blocks.rows
    norm, form, rank, null_share = _factored(pair, ridge) or _decomposed(pair, ridge)
    bound = min(energy**2 / form, norm)  # equal in one eigenspace, where rounding may put either ahead
    return Complexity(norm, bound, norm * pair.trace / n**2, rank, null_share)


def _factored(pair: KernelTarget, ridge: float) -> tuple[float, float, int, float] | None:
    """Norm, quadratic form, rank and null share by Cholesky, if that is beyond doubt."""
    systems, sides = pair.blocks.systems, pair.blocks.pack(pair.target)
    if ridge == 0 and not bool(systems.any(dim=2).any(dim=1).all()):
        return None  # the kernel of one output is zero: no factor
    factors = [factor_positive(one, ridge=ridge, rounding=pair.rounding) for one in systems]
    if any(factor.doubt for factor in factors):
        return None
    norm = sum(float((side * factor.solve(side)).sum()) for factor, side in zip(factors, sides))
    form = pair.quadratic_form + ridge * pair.target_energy
    return norm, form, systems.shape[0] * systems.shape[1], 0.0


def _decomposed(pair: KernelTarget, ridge: float) -> tuple[float, float, int, float]:
    """The same from eigenpairs, with those below the noise floor raised to it."""
    pairs = block_eigenpairs(pair.blocks, outputs=pair.blocks.outputs, rounding=pair.rounding)
    energies = (pairs.project(pair.target) ** 2).sum(dim=2)  # (b, N)
    shifted, floor = pairs.values + ridge, pairs.floor.max()
    reached = shifted > floor
    raised = torch.where(reached, shifted, floor)
    null_share = float(energies[~reached].sum()) / pair.target_energy
    return float((energies / raised).sum()), float((energies * raised).sum()), int(reached.sum()), null_share
