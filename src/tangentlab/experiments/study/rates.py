"""Seconds of dense algebra on this machine, measured in about one, as they grow with the size of a matrix."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab.experiments.study.work import Work
from tangentlab.linalg.eigenpairs import DENSE_ROWS
from tangentlab.training import Descent, train_function_space

FEW, MANY = 400, 1500
"""Sizes of the matrices measured: those between and beyond grow as a n² + b n³ through both."""

READ = 4096, 2048
"""Shape of the matrix whose reading is measured: 64 MiB, more than caches hold."""

SEARCH = {True: (75, 3.3), False: (25, 0.35)}
"""Times that the search for leading eigenpairs reads its matrix, to begin with and for each pair: of a matrix in
float64, whose pairs are wanted to 1e-12, and of one in float32, to 1e-6 and many of them at each reading."""

WHILE = 0.3
"""Seconds given to a descent, where its epochs allow."""

_BATCH = 32


@dataclass(frozen=True)
class Growth:
    """a n² + b n³: what reads a matrix, and what works on it.

    >>> Growth.through(1, 3.0, 2, 20.0).at(3)
    63.0
    """

    square: float
    cube: float

    @classmethod
    def through(cls, n: int, few: float, m: int, many: float) -> Growth:
        """Through `few` at n and `many` at m > n; neither part is negative."""
        a, b = few / n**2, many / m**2
        cube = max(0.0, (b - a) / (m - n))
        return cls(max(0.0, b - cube * m), cube)

    def at(self, n: int) -> float:
        """At a size."""
        return self.square * n**2 + self.cube * n**3


@dataclass(frozen=True)
class Algebra:
    """Seconds of dense algebra in float64, and of a step in function space.

    `read` is for a number of a matrix that is read once, `span_step` for a step and `span_number` for each of the
    batch × n numbers that it reads.
    """

    factorization: Growth
    decomposition: Growth
    read: float
    span_step: float
    span_number: float

    @classmethod
    def measured(cls, device: torch.device) -> Algebra:
        """On a kernel whose eigenvalues fall by a power, as those of networks do: exp(−‖x − x'‖)."""
        source = torch.Generator().manual_seed(0)
        x = torch.randn(MANY, 8, generator=source, dtype=torch.float64).to(device)
        large = torch.exp(-torch.cdist(x, x)) + 1e-3 * torch.eye(MANY, dtype=torch.float64, device=device)
        small = large[:FEW, :FEW].clone()
        steps = [_span_step(K) for K in (small, large)]
        number = max(0.0, (steps[1] - steps[0]) / (_BATCH * (MANY - FEW)))
        return cls(
            factorization=_growth(torch.linalg.cholesky, small, large),
            decomposition=_growth(torch.linalg.eigh, small, large[: 2 * FEW, : 2 * FEW].clone()),
            read=_read_seconds(device),
            span_step=max(0.0, steps[0] - number * _BATCH * FEW),
            span_number=number,
        )

    def seconds(self, work: Work) -> float:
        """Of the dense algebra in some work."""
        return (
            sum(s * (self.span_step + self.span_number * min(batch, n) * n) for s, batch, n in work.span)
            + sum(self.pairs(n, k, double=work.double) for n, k in work.eigenpairs)
            + sum(self.factorization.at(n) for n in work.solves)
        )

    def pairs(self, n: int, k: int, *, double: bool) -> float:
        """Of the top k eigenpairs of n: a search for one pair (always in float64) or of a large matrix, else all."""
        first, each = SEARCH[double or k == 1]
        searched = n**2 * self.read * (first + k * each)
        return searched if k == 1 or (n > DENSE_ROWS and 4 * k <= n) else self.decomposition.at(n)


def _read_seconds(device: torch.device) -> float:
    matrix = torch.ones(*READ, dtype=torch.float64, device=device)
    vector = torch.ones(READ[1], dtype=torch.float64, device=device)
    return timed(lambda: matrix @ vector) / matrix.numel()


def _growth(run: Callable[[Tensor], object], small: Tensor, large: Tensor) -> Growth:
    few, many = (timed(lambda K=K: run(K)) for K in (small, large))
    return Growth.through(len(small), few, len(large), many)


def timed(run: Callable[[], object]) -> float:
    """Seconds of the faster of two calls after a first one."""
    run()
    return min(_once(run), _once(run))


def _once(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def epoch_seconds(descend: Callable[[int], object]) -> float:
    """Seconds of an epoch of what `descend` makes so many of, without what each call begins with."""
    few = 2
    short = timed(lambda: descend(few))
    many = few + min(64, max(2, int(WHILE * few / short)))
    return max(0.0, timed(lambda: descend(many)) - short) / (many - few)


def _span_step(K: Tensor) -> float:
    y = (torch.arange(len(K), device=K.device) % 2).double()[:, None]

    def descend(epochs: int) -> None:
        train_function_space(K, None, y, Descent(learning_rate=1e-6, batch_size=_BATCH, epochs=epochs))

    return epoch_seconds(descend) / (len(K) // _BATCH)
