"""Intervals of a target's complexity over rows, and whether its norm has settled or still grows with them.

Without row i the norm is known in closed form, by the inverse of a block of the inverse,

    yᵀK⁻¹y − α_iᵀ ((K⁻¹)_ii)⁻¹ α_i,        α = K⁻¹y

Every row adds to the norm, so that it is a lower estimate of that of the whole target, and no interval over rows
mends this. What a row adds now tells how it goes on: `growth` = Σ_i of what row i added / norm, about d log norm /
d log n, is near 0 for a target that the kernel reaches and near 1 for noise, whose norm is in proportion to n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from tangentlab._errors import NumericalError
from tangentlab.linalg import diagonal_blocks, factor_positive
from tangentlab.probes.complexity import complexity
from tangentlab.probes.jackknife import Jackknife, jackknife
from tangentlab.probes.kernel_target import KernelTarget
from tangentlab.probes.left_out import inner_left_out


@dataclass(frozen=True)
class ComplexityIntervals:
    """Of the numbers of `complexity` and of Lemma 1's `gap` = norm / lower_bound, with the norm's `growth`.

    >>> found = complexity_intervals(torch.eye(3), [1.0, -1.0, 1.0])
    >>> found.norm.value, found.gap.value, round(found.growth, 9)
    (3.0, 1.0, 1.0)
    """

    norm: Jackknife
    lower_bound: Jackknife
    normalized: Jackknife
    gap: Jackknife
    growth: float


def complexity_intervals(
    K: Any, y: Any, *, ridge: float = 0.0, level: float = 0.95, rounding: float | None = None
) -> ComplexityIntervals:
    """Jackknives over rows of `complexity(K, y, ridge=ridge)`, K in any of its forms. O(n³), and K⁻¹ in memory.

    Refuses a kernel that is singular to rounding: there, a row more or less decides nothing about the norm.

    >>> found = complexity_intervals(torch.ones(4, 4) + 0.01 * torch.eye(4), torch.ones(4))    # in the kernel's reach
    >>> round(found.norm.value, 4), round(found.growth, 4)                                     # 4 / 4.01
    (0.9975, 0.0033)
    """
    found = complexity(K, y, ridge=ridge, rounding=rounding)
    pair = KernelTarget.of(K, y, rounding=rounding)
    blocks, s, n = pair.blocks, pair.blocks.stride, pair.blocks.rows
    forms, added, diagonal = (pair.target.new_zeros(n) for _ in range(3))
    for system, side in zip(blocks.systems, blocks.pack(pair.target)):
        factor = factor_positive(system, ridge=ridge, rounding=pair.rounding)
        if factor.doubt:
            raise NumericalError(
                f"`K` cannot be inverted to the digits that leaving rows out needs: {factor.doubt}",
                remedy="Give a ridge, such as 1e-6 of the mean of its diagonal.",
            )
        identity = torch.eye(len(system), dtype=torch.float64, device=system.device)
        inverse, alpha = factor.solve(identity), factor.solve(side)
        own = diagonal_blocks(inverse[None], stride=s)[0]
        alphas = alpha.reshape(n, s, -1)
        added = added + (alphas * torch.linalg.solve(own, alphas)).sum(dim=(1, 2))
        forms = forms + inner_left_out(system + ridge * identity, side @ side.T, stride=s)[1]
        diagonal = diagonal + system.diagonal().reshape(n, s).sum(1)
    energies = pair.target.square().sum(1)
    norms, bounds = found.norm - added, (energies.sum() - energies).square() / forms
    traces = (diagonal.sum() - diagonal) / (len(blocks.systems) * s)
    return ComplexityIntervals(
        norm=jackknife(found.norm, norms, level=level),
        lower_bound=jackknife(found.lower_bound, bounds, level=level),
        normalized=jackknife(found.normalized, norms * traces / max(1, n - 1) ** 2, level=level),
        gap=jackknife(found.gap, norms / bounds, level=level),
        growth=float(added.sum()) / found.norm,
    )
