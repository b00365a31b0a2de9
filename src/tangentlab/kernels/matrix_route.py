"""The fastest matrix product that is still true float32 on this machine, probed before it is trusted.

Some CPUs run oneDNN's products at twice the speed of the default library's in full precision; on others the same
switch means bfloat16 arithmetic. One small product against float64 tells which. Its error decides alone, never its
time, so that a machine always takes the same route and rounds the same way. The switch belongs to the process and is
restored on leaving.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from tangentlab._seeds import generator

SIZE = 256
LARGEST_ERROR = 3e-6
"""Of a product's largest entry: a few hundred roundings of 6e-8; bfloat16 and TF32 are a thousand times worse."""


@dataclass(frozen=True)
class MatrixRoute:
    """The precision setting to compute with, and the error that the alternative showed.

    >>> route = probe_route()
    >>> route.precision == ("medium" if route.error < LARGEST_ERROR else "highest")
    True
    """

    precision: str
    error: float


@cache
def probe_route() -> MatrixRoute:
    """Try the alternative on one product; a few milliseconds, once a process."""
    draw = generator(0, "matrix-route")
    a = torch.randn(SIZE, 4 * SIZE, generator=draw)
    b = torch.randn(SIZE, 4 * SIZE, generator=draw)
    exact = a.double() @ b.double().T
    with _precision("medium"):
        error = float(((a @ b.T).double() - exact).abs().max() / exact.abs().max())
    return MatrixRoute("medium" if error < LARGEST_ERROR else "highest", error)


@contextmanager
def fastest_products(like: Tensor) -> Iterator[None]:
    """Within, float32 products on the CPU take the probed route; other dtypes and devices are left as they are.

    >>> before = torch.get_float32_matmul_precision()
    >>> with fastest_products(torch.zeros(1)):
    ...     product = torch.eye(2) @ torch.eye(2)
    >>> torch.get_float32_matmul_precision() == before
    True
    """
    if like.dtype != torch.float32 or like.device.type != "cpu":
        yield
        return
    with _precision(probe_route().precision):
        yield


@contextmanager
def _precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
