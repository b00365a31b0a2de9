"""Many small matrix products at once, in the way that is quick for their size; float32 on a CPU has three.

Formula   C[b] = A[b] B[b] for A (b, m, s) and B (b, s, r)
Cost      b·m·s·r multiplications. The BLAS behind `torch.bmm` reaches half of what oneDNN does on some processors:
          large products are made one by one with `product`, and small ones as one convolution with a group for each
          b, the kernels of width one being the rows of A
"""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab.linalg.matrix_product import has_quick_product, product

_ONE_BY_ONE = 8_000_000
"""Multiplications in one product from which it is worth a call of its own."""

_GROUPED_SIDES, _GROUPED_LENGTHS = (96, 256), (32, 256)
"""Sides, and lengths of the sum, for which the grouped convolution is the quickest."""


def batched_product(A: Tensor, B: Tensor) -> Tensor:
    """A B for each b, in true float32 or float64; both may be views.

    >>> batched_product(torch.ones(2, 1, 3), torch.ones(2, 3, 1)).flatten().tolist()
    [3.0, 3.0]
    """
    count, m, s = A.shape
    r = B.shape[2]
    if not (A.dtype == B.dtype == torch.float32 and A.device.type == "cpu" and has_quick_product()):
        return torch.bmm(A, B)
    if m * s * r >= _ONE_BY_ONE:
        result = A.new_empty(count, m, r)
        for j in range(count):
            torch.mul(product(A[j], B[j]), 1, out=result[j])
        return result
    shortest, longest = _GROUPED_LENGTHS
    low, high = _GROUPED_SIDES
    if shortest <= s <= longest and low <= min(m, r) and max(m, r) <= high and count * m * s * r >= _ONE_BY_ONE:
        return _grouped(A, B)
    return torch.bmm(A, B)


def _grouped(A: Tensor, B: Tensor) -> Tensor:
    count, m, s = A.shape
    r = B.shape[2]
    kernels, signals = A.reshape(count * m, s, 1), B.reshape(1, count * s, r)
    return torch.conv1d(signals, kernels, groups=count).reshape(count, m, r)
