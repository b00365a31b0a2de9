"""How far a kernel has turned, whatever its scale: one minus the cosine between two kernels."""

from __future__ import annotations

from typing import Any

import torch

from tangentlab._errors import DataError, ShapeError
from tangentlab.linalg import floating_tensor


def kernel_distance(K1: Any, K2: Any) -> float:
    """1 − ⟨K1, K2⟩_F / (‖K1‖_F ‖K2‖_F), from 0 (proportional) to 2; for kernels, to 1. O(size).

    Any two arrays of one shape, in any of a kernel's forms. Computed as ½‖K1/‖K1‖ − K2/‖K2‖‖², the same number
    without the cancellation, so that small turns keep their digits.

    >>> kernel_distance(torch.eye(2), 5 * torch.eye(2))
    0.0
    >>> round(kernel_distance([[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    1.0
    """
    K1, K2 = floating_tensor("K1", K1).to(torch.float64), floating_tensor("K2", K2).to(torch.float64)
    if K1.shape != K2.shape or K1.numel() == 0:
        raise ShapeError(
            "K2",
            expected=f"of the shape of K1, {tuple(K1.shape)}, and not empty",
            got=str(tuple(K2.shape)),
            remedy="Compute both kernels on the same rows with the same `outputs`.",
        )
    for name, K in [("K1", K1), ("K2", K2)]:
        if not bool(K.any()):
            raise DataError(f"`{name}` is zero everywhere: it has no direction.", remedy="Check its anchor.")
    return 0.5 * float((K1 / K1.norm() - K2.to(K1.device) / K2.norm()).square().sum())
