"""The largest learning rate at which gradient descent on a linearized network is stable.

Along an eigenvector of curvature h = (curvature of the loss) · λ/n + weight decay, heavy-ball descent
v ← μv + h δ, δ ← δ − η v contracts exactly when η h < 2 (1 + μ), and Nesterov's when η h < 2 (1 + μ)/(1 + 2μ);
so λ_max decides. The curvature of the loss is 1 for mse; for the others the bound over all outputs, reached
where the network is undecided: 1/4 for bce, and 1/2 for cross-entropy (the norm of diag(p) − ppᵀ).
"""

from __future__ import annotations

import math
from typing import Any

from tangentlab._errors import ArgumentError, DataError
from tangentlab._shapes import expect_shape
from tangentlab.linalg import KernelBlocks, floating_tensor, rounding_of, spectral_norm, symmetric
from tangentlab.training.loss import find_loss


def stable_learning_rate(
    K: Any,
    *,
    loss: str,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    rounding: float | None = None,
) -> float:
    """2 (1 + μ) / (curvature · λ_max(K)/n + weight_decay): below it full-batch descent is stable.

    For mse it is sharp: just above, descent diverges. For bce and cross-entropy rates above it may still do, as
    the curvature falls with confidence. A mini-batch has its own Gram, whose λ_max/|batch| can be larger.
    K is (n, n), (n, n, c) or (n, n, c, c); infinite for K = 0 without weight decay. Cost O(n²) a Lanczos step.

    >>> import torch
    >>> stable_learning_rate(torch.diag(torch.tensor([1.0, 4.0])), loss="mse", momentum=0.5)
    1.5
    """
    bound = find_loss(loss).curvature
    for name, value, top in [("momentum", momentum, 1.0), ("weight_decay", weight_decay, math.inf)]:
        if not 0 <= value < top:
            raise ArgumentError(name, expected=f"from 0 to below {top}", got=repr(value), remedy="Try 0.0.")
    rounding = rounding_of(K) if rounding is None else rounding
    K = floating_tensor("K", K)
    blocks = KernelBlocks.of(K, outputs=K.shape[2] if K.ndim > 2 else 1)
    n = expect_shape("K", K, "n n c c"[: 2 * K.ndim - 1])["n"]
    if n == 0:
        raise DataError("`K` has no rows.", remedy="Pass the kernel of one row or more.")
    matrices = [symmetric(one, rounding=rounding) for one in blocks.systems]
    largest = max(spectral_norm(one, tolerance=0) for one in matrices)
    curvature = bound * largest / n + weight_decay
    top = 2 * (1 + momentum) / ((1 + 2 * momentum) if nesterov else 1.0)
    return top / curvature if curvature > 0 else math.inf
