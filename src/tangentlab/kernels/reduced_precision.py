"""Kernels in TF32 or bfloat16, by request: what is rounded, and how far that moved the numbers of this kernel.

tf32   products of factors with 10 bits behind the point and sums in float32: what an NVIDIA GPU does eight times as
       fast as float32. torch has one switch for it in a process; it is on while a tile is contracted, and put back
bf16   the factors rounded to 8 significant bits (relative 2⁻⁹), products and sums in float32; on a GPU by the TF32
       units, which hold such numbers exactly. On a CPU no quicker: it shows what such a kernel would be worth

The passes through the network stay in full precision. A sub-block is computed once more in full precision, and a
kernel that rounding has moved by more than `TOLERANCES` of its largest number is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.tangent.factors import Factor

TOLERANCES = {"float32": 0.0, "tf32": 2e-3, "bf16": 1e-2}
"""By how much of its largest number a kernel may be moved; "float32" is the precision of the network, not less."""


def check_precision(precision: str, *, dtype: torch.dtype, device: torch.device) -> str:
    """A precision's name, refused where it is unknown or means nothing.

    >>> check_precision("bf16", dtype=torch.float32, device=torch.device("cpu"))
    'bf16'
    """
    if precision not in TOLERANCES:
        raise UnknownNameError("precision", precision, list(TOLERANCES))
    if precision != "float32" and dtype != torch.float32:
        raise ArgumentError(
            "precision",
            expected="'float32' (nothing is rounded) for a network in float64",
            got=precision,
            remedy="Add dtype=torch.float32, or leave precision out.",
        )
    if precision == "tf32" and device.type != "cuda":
        raise ArgumentError(
            "precision",
            expected="'float32' or 'bf16' on this device",
            got=f"'tf32', of which a {device.type} has none",
            remedy="Move the model to a CUDA device, or leave precision out.",
        )
    return precision


def rounded(factor: Factor, precision: str) -> Factor:
    """The factor with the numbers that `precision` keeps.

    >>> from tangentlab.tangent.factors import Rows
    >>> rounded(Rows(torch.tensor([[[1.0, 1.001]]])), "bf16").rows.tolist()
    [[[1.0, 1.0]]]
    """
    if precision != "bf16":
        return factor
    tensors = {name: value for name, value in vars(factor).items() if isinstance(value, Tensor)}
    kept = {name: value.bfloat16().to(value.dtype) for name, value in tensors.items() if value.is_floating_point()}
    return replace(factor, **kept)


_LOCK = threading.Lock()
_INSIDE: list[bool] = []
"""The switch as it stood, once for each thread inside `contracting`: the first turns it on, the last puts it back."""


@contextmanager
def contracting(precision: str, device: torch.device) -> Iterator[None]:
    """While tiles are contracted: torch's switch for TF32 on where asked for, and as it was when the last one leaves.

    The switch is the whole process's: products that other threads ask of the GPU meanwhile are in TF32 too.

    >>> before = torch.backends.cuda.matmul.allow_tf32
    >>> with contracting("float32", torch.device("cpu")):
    ...     torch.backends.cuda.matmul.allow_tf32 == before
    True
    """
    if precision == "float32" or device.type != "cuda":
        yield
        return
    matmul = torch.backends.cuda.matmul
    with _LOCK:
        _INSIDE.append(bool(matmul.allow_tf32) if not _INSIDE else _INSIDE[0])
        matmul.allow_tf32 = True
    try:
        yield
    finally:
        with _LOCK:
            before = _INSIDE.pop()
            if not _INSIDE:
                matmul.allow_tf32 = before
