"""Many small matrix products at once, in the way that is quick for their size; float32 on a CPU has three.

Formula   C[b] = A[b] B[b] for A (b, m, s) and B (b, s, r)
Cost      b·m·s·r multiplications. The BLAS behind `torch.bmm` reaches half of what oneDNN does where it does not
          fill registers (see `registers`): there large products are made one by one with `product`, and small ones as
          one convolution with a group for each b, the kernels of width one being the rows of A, or a transposed one
          where A lies as its transpose
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from tangentlab.linalg.matrix_product import has_quick_product, product
from tangentlab.linalg.registers import blas_fills_registers

_ONE_BY_ONE = 8_000_000
"""Multiplications in one product from which it is worth a call of its own."""

_GROUPED_LENGTHS = (32, 256)
"""Lengths of the sum for which the grouped convolution is the quickest. Where four divides them and the rows of A the
library has kernels of its own, that are slow but for lengths that fill registers, and then on some sides."""

_GROUPED_SIDES = (96, 256)

_AT_ONCE = 1 << 20
"""Numbers of a result that a library gives at a time: memory in use, where a larger one would be new memory."""


def batched_product(A: Tensor, B: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A B for each b, in true float32 or float64; both may be views. Written to `out` (b, m, r) if that is given.

    >>> batched_product(torch.ones(2, 1, 3), torch.ones(2, 3, 1)).flatten().tolist()
    [3.0, 3.0]
    """
    count, m, s = A.shape
    r = B.shape[2]
    if not (A.dtype == B.dtype == torch.float32 and A.device.type == "cpu" and has_quick_product()):
        return torch.bmm(A, B, out=out)
    if worth_alone(m, s, r):
        out = A.new_empty(count, m, r) if out is None else out
        for j in range(count):
            out[j].copy_(product(A[j], B[j]))
        return out
    if not worth_grouping(m, s, r):
        return torch.bmm(A, B, out=out)
    parts = max(1, round(count / products_at_once(m, r)))
    if out is None and parts == 1:
        return _grouped(A, B)
    step = -(-count // parts)
    out = A.new_empty(count, m, r) if out is None else out
    for start in range(0, count, step):
        part = slice(start, start + step)
        out[part].copy_(_grouped(A[part], B[part]))
    return out


def products_at_once(m: int, r: int) -> int:
    """How many products of (m, s) and (s, r) are best made by one call: of more, parts of the result are copied.

    >>> products_at_once(1024, 1024)
    1
    """
    return max(1, _AT_ONCE // (m * r))


def worth_alone(m: int, s: int, r: int) -> bool:
    """Whether a product of (m, s) and (s, r) is large enough for a call of its own, on this processor.

    >>> worth_alone(10, 10, 10)
    False
    """
    return m * s * r >= _ONE_BY_ONE and not blas_fills_registers()


def worth_grouping(m: int, s: int, r: int) -> bool:
    """Whether one convolution is the quickest for products of (m, s) and (s, r), as measured on such processors.

    >>> worth_grouping(64, 32, 64)
    False
    """
    if blas_fills_registers():
        return False
    shortest, longest = _GROUPED_LENGTHS
    if not shortest <= s <= longest or min(m, r) < 16:
        return False
    if _as_products(m, s):
        return True
    low, high = _GROUPED_SIDES
    return low <= min(m, r) and max(m, r) <= high and m % 16 == r % 16 == s % 16 == 0


def _as_products(m: int, s: int) -> bool:
    """Whether the library makes the convolution as the products that it is."""
    return bool(s % 4 or m % 4)


def _grouped(A: Tensor, B: Tensor) -> Tensor:
    count, m, s = A.shape
    r = B.shape[2]
    turned = _turned() if _as_products(m, s) and A.stride(1) == 1 != A.stride(2) else None
    if turned is not None:
        return turned(A.transpose(1, 2), B)
    kernels, signals = A.reshape(count * m, s, 1), B.reshape(1, count * s, r)
    # conv1d would not hand this to oneDNN where there is one thread
    return torch.mkldnn_convolution(signals, kernels, None, [0], [1], [1], count).reshape(count, m, r)


@cache
def _turned() -> Callable[[Tensor, Tensor], Tensor] | None:
    """Aᵀ B for A (b, s, m) as it lies in memory: a transposed convolution, where this build has that operation."""
    operation = getattr(torch.ops.mkldnn, "_convolution_transpose_pointwise", None)
    if operation is None:
        return None

    def multiply(A: Tensor, B: Tensor) -> Tensor:
        (count, s, m), r = A.shape, B.shape[2]
        kernels, signals = A.reshape(count * s, m, 1, 1), B.reshape(1, count * s, 1, r)
        found = operation(signals, kernels, None, [0, 0], [0, 0], [1, 1], [1, 1], count, "none", [], "")
        return found.view(count, m, r)

    A, B = torch.arange(24.0).reshape(2, 3, 4), torch.arange(30.0).reshape(2, 3, 5)
    try:
        return multiply if torch.equal(multiply(A, B), A.transpose(1, 2) @ B) else None
    except (RuntimeError, NotImplementedError):
        return None
