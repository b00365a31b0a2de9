"""A B in true float32 by the quicker of the two libraries that torch has on a CPU, with no switch touched.

oneDNN multiplies up to twice as fast as the BLAS that `A @ B` calls where registers have 512 bits, and a large matrix
by a few columns two to seven times as fast anywhere, in the same precision. Its operation is called directly, so that
no process-wide setting changes, and it is trusted on a machine only after its error on a small product has been
compared with that of `A @ B`. What is left to the BLAS follows from sizes and the processor alone (`registers`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from tangentlab._seeds import generator
from tangentlab.linalg.registers import blas_fills_registers

_WORTH = 1 << 22
"""Multiplications below which either way takes microseconds."""

_SQUARE, _LONG_SUMS = 80, 100
"""Rows and columns, and the length of their sums, from which a BLAS that fills registers is as quick or quicker: up to
1.26 times where the length is a multiple of 1,024, whose lines oneDNN finds in the same places of a cache."""

_TALL, _WORTH_TALL = 4096, 1 << 18
"""The same from so many rows on, where the columns are few: several times as quick even then."""

_STRIPS = ((128, 2), (512, 4), (1024, 6))
"""Rows from which a symmetric product is made in so many strips: more of them save more, and are less quick each."""

_LONG = 256
"""Columns from which what strips save is more than the copies of them take."""

_PIECES, _WORTH_PIECES, _MOST_IN_PIECES = 4, 2048, 1023
"""Into how many pieces a BLAS that fills registers best has sums of such a length cut, of up to so many rows: each of
its threads multiplies pieces of its own. Up to 1.3 times as quick, and short strips are then as good as long ones."""


def product(A: Tensor, B: Tensor) -> Tensor:
    """A B for matrices (m, l) and (l, r) of one dtype; give A contiguous, B may be any view.

    >>> product(torch.eye(2), torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    worth = _WORTH_TALL if len(A) >= _TALL and B.shape[1] > 1 else _WORTH
    if A.dtype != torch.float32 or A.device.type != "cpu" or A.numel() * B.shape[1] < worth:
        return A @ B
    multiply = _onednn()
    if multiply is None or _suits_blas(len(A), A.shape[1], B.shape[1]):
        return A @ B
    return multiply(A.contiguous(), B if _dense(B) else B.contiguous())


def gram(A: Tensor) -> Tensor:
    """A Aᵀ for a matrix (m, l), with little more than half of the multiplications: strips end at the diagonal.

    >>> gram(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[5.0, 11.0], [11.0, 25.0]]
    """
    m, length = A.shape
    if _suits_pieces(A):
        return _gram_in_pieces(A)
    if A.device.type in ("cpu", "meta") and A.dtype == torch.float32 and m * A.numel() >= _WORTH:
        A = A.contiguous()  # once, and not for each side of a product
    strips = max((count for rows, count in _STRIPS if m >= rows), default=1)
    if strips == 1 or length < _LONG or A.device.type != "cpu":
        return product(A, A.T)
    A = A.contiguous()
    out = A.new_empty(m, m)
    height = 16 * -(-m // (16 * strips))
    for start in range(0, m, height):
        stop = min(start + height, m)
        strip = product(A[start:stop], A[:stop].T)
        out[start:stop, :stop] = strip
        out[:start, start:stop] = strip[:, :start].T
    return out


def _suits_pieces(A: Tensor) -> bool:
    m, length = A.shape
    return (
        A.dtype == torch.float32
        and A.device.type in ("cpu", "meta")
        and 64 <= m <= _MOST_IN_PIECES
        and length >= _WORTH_PIECES
        and A.stride(1) == 1
        and blas_fills_registers()
        and not torch.is_autocast_enabled("cpu")  # which has its own way with each of the operations
    )


def _gram_in_pieces(A: Tensor) -> Tensor:
    """A Aᵀ in strips that end at the diagonal, as products of some columns each; A may have gaps between its rows."""
    m, length = A.shape
    piece = length // _PIECES
    pieces = A[:, : _PIECES * piece].unflatten(1, (_PIECES, piece)).transpose(0, 1)
    rest = A[:, _PIECES * piece :]
    out = A.new_empty(m, m)
    height = max(64, 16 * -(-m // 96))
    for start in range(0, m, height):
        stop = min(start + height, m)
        strip = torch.bmm(pieces[:, start:stop], pieces[:, :stop].transpose(1, 2)).sum(0)
        if rest.shape[1]:
            strip = torch.addmm(strip, rest[start:stop], rest[:stop].T)
        out[start:stop, :stop] = strip
        out[:start, start:stop] = strip[:, :start].T
    return out


def quick_linear_map(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor | None:
    """x Wᵀ + b for matrices x (m, i) and W (o, i); None where it does not go to the quicker library.

    >>> quick_linear_map(torch.ones(1, 2), torch.eye(2), torch.ones(2)) is None  # too small for a difference
    True
    """
    if x.dtype != torch.float32 or x.device.type != "cpu" or x.numel() * len(weight) < _WORTH:
        return None
    multiply = _onednn()
    if multiply is None or _suits_blas(len(x), x.shape[1], len(weight)):
        return None
    return multiply(x.contiguous(), weight.T, bias)


def has_quick_product() -> bool:
    """Whether large products in float32 on the CPU go through oneDNN on this machine.

    >>> has_quick_product() in (True, False)
    True
    """
    return _onednn() is not None


def _suits_blas(m: int, length: int, r: int) -> bool:
    return min(m, r) >= _SQUARE and length >= _LONG_SUMS and blas_fills_registers()


def _dense(B: Tensor) -> bool:
    """Whether B or its transpose lies in memory without gaps: with gaps oneDNN falls back on plain loops."""
    return B.is_contiguous() or B.T.is_contiguous()


@cache
def _onednn() -> Callable[..., Tensor] | None:
    """oneDNN's product where this build has it and it keeps float32 on this processor, found once."""
    operation = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if operation is None or not torch.backends.mkldnn.is_available():
        return None

    def multiply(A: Tensor, B: Tensor, shift: Tensor | None = None) -> Tensor:
        return operation(A, B.T, shift, "none", [], "")

    A = torch.randn(64, 2048, generator=generator(0, "matrix_product", "A"))
    B = torch.randn(2048, 32, generator=generator(0, "matrix_product", "B"))
    exact = A.double() @ B.double()
    try:
        error = float((multiply(A, B).double() - exact).abs().max())
    except (RuntimeError, NotImplementedError):
        return None
    plain = float(((A @ B).double() - exact).abs().max())
    return multiply if error <= 8 * plain else None
