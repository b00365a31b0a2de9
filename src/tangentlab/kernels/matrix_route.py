"""The fastest matrix product that is still true float32 on this machine, probed before it is trusted.

Some CPUs run oneDNN's products at twice the speed of the default library's in full precision; on others the same
switch means bfloat16 arithmetic. One small product tells which: its time, and its error against float64. The switch
belongs to the process and is restored on leaving.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from tangentlab._seeds import generator

SIZE = 384
LARGEST_ERROR = 3e-6
"""Of a product's largest entry: a few hundred roundings of 6e-8; bfloat16 and TF32 are a thousand times worse."""

FASTER_BY = 1.15


@dataclass(frozen=True)
class MatrixRoute:
    """The precision setting to compute with, and what the probe measured.

    >>> route = probe_route(1)
    >>> route.precision in ("highest", "medium"), route.error < LARGEST_ERROR
    (True, True)
    """

    precision: str
    speed_up: float
    error: float


@lru_cache(maxsize=8)
def probe_route(threads: int) -> MatrixRoute:
    """Compare the default product with the alternative, at this number of threads; about 20 ms, once a process."""
    draw = generator(0, "matrix-route")
    a = torch.randn(SIZE, 4 * SIZE, generator=draw)
    b = torch.randn(SIZE, 4 * SIZE, generator=draw)
    exact = a.double() @ b.double().T
    seconds, errors = {}, {}
    for precision in ("highest", "medium"):
        with _precision(precision):
            seconds[precision] = min(_timed(a, b) for _ in range(4))
            errors[precision] = float(((a @ b.T).double() - exact).abs().max() / exact.abs().max())
    gain = seconds["highest"] / seconds["medium"]
    best = "medium" if errors["medium"] < LARGEST_ERROR and gain > FASTER_BY else "highest"
    return MatrixRoute(best, gain if best == "medium" else 1.0, errors[best])


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
    with _precision(probe_route(torch.get_num_threads()).precision):
        yield


def _timed(a: Tensor, b: Tensor) -> float:
    start = time.perf_counter()
    a @ b.T
    return time.perf_counter() - start


@contextmanager
def _precision(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
