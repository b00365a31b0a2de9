"""How far a kernel has turned, whatever its scale: one minus the cosine between two kernels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import DataError, ShapeError
from tangentlab.linalg import KernelBlocks, floating_tensor
from tangentlab.linalg.frobenius_norm import frobenius_norm
from tangentlab.probes.jackknife import Jackknife, jackknife
from tangentlab.probes.left_out import inner_left_out


def kernel_distance(K1: Any, K2: Any) -> float:
    """1 − ⟨K1, K2⟩_F / (‖K1‖_F ‖K2‖_F), from 0 (proportional) to 2; for kernels, to 1. O(size).

    Any two arrays of one shape, in any of a kernel's forms. Computed as ½‖K1/‖K1‖ − K2/‖K2‖‖², the same number
    without the cancellation, so that small turns keep their digits. See `distance_interval` for its error over rows.

    >>> kernel_distance(torch.eye(2), 5 * torch.eye(2))
    0.0
    >>> round(kernel_distance([[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    1.0
    """
    K1, K2 = _pair(K1, K2)
    return 0.5 * float((K1 / frobenius_norm(K1) - K2 / frobenius_norm(K2)).square().sum())


def distance_interval(K1: Any, K2: Any, *, level: float = 0.95) -> Jackknife:
    """The jackknife over rows of `kernel_distance(K1, K2)`, both (n, n), (n, n, c) or (n, n, c, c). O(n² c²).

    The distance is that of the n rows, each one's entry with itself included, which in the distribution counts
    nothing: `bias` says what that makes. Two unrelated kernels look alike by their diagonals.

    >>> found = distance_interval(torch.eye(4), 7 * torch.eye(4))
    >>> found.value, found.low, found.high
    (0.0, 0.0, 0.0)
    """
    value = kernel_distance(K1, K2)
    K1, K2 = _pair(K1, K2)
    K1, K2 = K1 / frobenius_norm(K1), K2 / frobenius_norm(K2)
    if torch.equal(K1, K2):
        return Jackknife(value, 0.0, 0.0, value, value, level)
    first, second = (KernelBlocks.of(K, outputs=K.shape[2] if K.ndim > 2 else 1) for K in (K1, K2))
    sums = [torch.zeros(first.rows, dtype=torch.float64, device=K1.device) for _ in range(3)]
    for A, B in zip(first.systems, second.systems):
        for total, (left, right) in zip(sums, ((A, B), (A, A), (B, B))):
            total += inner_left_out(left, right, stride=first.stride)[1]
    return jackknife(value, 1 - sums[0] / (sums[1] * sums[2]).sqrt(), level=level)


def _pair(K1: Any, K2: Any) -> tuple[Tensor, Tensor]:
    """Both in float64 on one device, checked."""
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
    return K1, K2.to(K1.device)
