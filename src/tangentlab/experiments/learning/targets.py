"""Targets of a task as the codes that kernels are compared with and regressions are fitted to."""

from __future__ import annotations

from torch import Tensor


def codes(y: Tensor) -> Tensor:
    """One output: 0 and 1 become −1 and 1. Several: one-hot rows minus 1/c, so that every row sums to zero. float64.

    A decision at 0, or at the largest output, reads these codes as it reads the outputs of a network.

    >>> import torch
    >>> codes(torch.tensor([[0.0], [1.0]])).flatten().tolist(), codes(torch.eye(2)).tolist()
    ([-1.0, 1.0], [[0.5, -0.5], [-0.5, 0.5]])
    """
    y = y.double()
    return 2 * y - 1 if y.shape[1] == 1 else y - 1 / y.shape[1]
