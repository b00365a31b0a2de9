"""‖A‖_F at any scale of A: squares of very small or very large entries are no numbers any more."""

from __future__ import annotations

from torch import Tensor

_SAFE = 1e-140, 1e140
"""Between these the squares of float64 keep their digits."""


def frobenius_norm(matrix: Tensor) -> float:
    """‖A‖_F of a float64 tensor of any shape, the largest entry divided out where squares would be rounded away.

    >>> import torch
    >>> A = torch.tensor([3.0, 4.0], dtype=torch.float64)
    >>> frobenius_norm(A), frobenius_norm(2.0**600 * A) == 5 * 2.0**600
    (5.0, True)
    """
    size = float(matrix.norm())
    if _SAFE[0] < size < _SAFE[1]:
        return size
    largest = float(matrix.abs().max())
    return largest * float((matrix / largest).norm()) if largest else 0.0
