"""Solve (K + ridge I) a = b for a kernel K, and say how well.

>>> solution = solve_positive([[4.0, 0.0], [0.0, 16.0]], [4.0, 4.0])
>>> solution.value.tolist(), solution.residual, solution.condition, solution.jitter
([1.0, 0.25], 0.0, 4.0, 0.0)
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tangentlab._shapes import expect_shape
from tangentlab.linalg.floating_tensor import floating_tensor
from tangentlab.linalg.positive import NumericalWarning
from tangentlab.linalg.positive_factor import PositiveFactor, factor_positive


@dataclass(frozen=True, eq=False)
class Solution:
    """The solution of a linear system and its quality.

    `value` is shaped as the right-hand side, float64. `residual` is ‖(K + ridge I) a − b‖ / ‖b‖, the jitter not
    counted in its favour; `condition` estimates the condition number (1-norm); `jitter` is what had to be added
    to the diagonal beyond the ridge, 0 unless the kernel was singular to rounding.

    >>> import torch
    >>> Solution(torch.ones(1), residual=0.0, condition=1.0, jitter=0.0).jitter
    0.0
    """

    value: Tensor
    residual: float
    condition: float
    jitter: float


def solve_positive(
    K: Any, b: Any, *, ridge: float = 0.0, rounding: float | None = None, name: str = "K"
) -> Solution:
    """Solve (K + ridge I) a = b for a kernel K (n, n) and b (n,) or (n, r), in float64. O(n³).

    Cholesky with a step of iterative refinement. K that is not finite, not symmetric or not positive beyond
    rounding is refused (`factor_positive`); a singular one gets the least jitter that works, and a warning.
    `rounding` is the machine epsilon K was computed with, by default that of its dtype.

    >>> solve_positive([[1.0]], [1.0], ridge=1.0).value.tolist()
    [0.5]
    """
    b = floating_tensor("b", b)
    factor = factor_positive(K, ridge=ridge, rounding=rounding, name=name)
    columns = b[:, None] if b.ndim == 1 else b
    expect_shape("b", columns, "n r", n=len(factor.matrix))
    if factor.doubt:
        warnings.warn(factor.doubt, NumericalWarning, stacklevel=2)
    value = factor.solve(columns)
    return Solution(
        value.reshape(b.shape), relative_residual(factor, value, columns), factor.condition, factor.jitter
    )


def relative_residual(factor: PositiveFactor, value: Tensor, b: Tensor) -> float:
    """‖(K + ridge I) value − b‖ / ‖b‖ over all columns; 0 when both vanish.

    >>> import torch
    >>> relative_residual(factor_positive(torch.eye(1), ridge=1.0), torch.ones(1, 1), torch.ones(1, 1))
    1.0
    """
    b = b.to(value)
    miss, size = float((factor.product(value) - b).norm()), float(b.norm())
    return miss / size if size else miss
