"""The largest eigenpairs of a kernel, and how well each is determined: its gap, and how far rounding may turn it.

Formula   sin θ_j ≤ ‖E‖ / gap_j, E the rounding of the kernel and the solver's residual      Davis and Kahan, 1970
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import NumericalError
from tangentlab.linalg import eigenpairs, noise_floor


@dataclass(frozen=True, eq=False)
class DeterminedPairs:
    """`values` (k,) descending and `vectors` (n, k), float64."""

    values: Tensor
    vectors: Tensor
    gaps: Tensor
    """(k,) from each value to the nearest other eigenvalue, as a share of it."""
    mixing: Tensor
    """(k,) largest sine of the angle by which rounding and the solver may have turned each vector towards others."""


def determined_eigenpairs(
    K: Any, count: int, *, size: int, rounding: float, tolerance: float | None = None, seed: int = 0
) -> DeterminedPairs:
    """The `count` largest pairs of a kernel with `size` rows that was computed with the machine epsilon `rounding`.

    Raises `NumericalError` where an eigenvalue asked for is rounding, so that its eigenvector means nothing.

    >>> found = determined_eigenpairs(torch.diag(torch.tensor([4.0, 1.0, 3.0])), 2, size=3, rounding=1e-7)
    >>> found.values.tolist(), [round(gap, 6) for gap in found.gaps.tolist()]
    ([4.0, 3.0], [0.25, 0.333333])
    """
    more = min(size, count + 1)  # the gap behind the last needs one more
    pairs = eigenpairs(K, more, tolerance=tolerance, seed=seed, rounding=rounding, name="kernel")
    values, largest = pairs.values, float(pairs.values.abs().max())
    floor = float(noise_floor(torch.nn.functional.pad(values, (0, size - more)), rounding=rounding))
    _refuse_rounding(values[:count], floor)
    distance = _distances(values)[:count]
    doubt = pairs.residuals[:count] * largest + floor
    return DeterminedPairs(
        values=values[:count],
        vectors=pairs.vectors[:, :count],
        gaps=distance / values[:count],
        mixing=(doubt / distance).clamp_max(1),
    )


def _refuse_rounding(values: Tensor, floor: float) -> None:
    known = int((values > floor).sum())
    if known < len(values):
        raise NumericalError(
            f"The kernel has {known} eigenvalues above rounding ({floor:.2g}), so that eigenfunction "
            f"{len(values) - 1} means nothing.",
            remedy=f"Ask for indices below {known}." if known else "Check the kernel: none of them is positive.",
        )


def _distances(values: Tensor) -> Tensor:
    """From each value to the nearer of its neighbours."""
    steps = (values[:-1] - values[1:]).abs()
    far = torch.full_like(values[:1], float("inf"))
    return torch.minimum(torch.cat([far, steps]), torch.cat([steps, far]))
