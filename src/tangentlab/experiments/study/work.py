"""What a unit of a study computes, as counts of the few things that take its time."""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, int]


@dataclass(frozen=True)
class Work:
    """Counts for one unit; what is not counted takes seconds.

    Parameters
    ----------
    kernels: (rows, columns) of each kernel; a Gram has as many columns as rows
    steps, batch: steps of descent of the network, and the rows of each
    span: (steps, rows) of descents in function space, each of which reads batch × rows numbers a step
    eigenpairs: (n, k) of each decomposition; k = n for a dense one
    solves: n of each Cholesky factorization

    >>> Work(kernels=((100, 100),), steps=10) + Work(steps=5)
    Work(kernels=((100, 100),), steps=15, batch=128, span=(), eigenpairs=(), solves=())
    """

    kernels: tuple[Shape, ...] = ()
    steps: int = 0
    batch: int = 128
    span: tuple[Shape, ...] = ()
    eigenpairs: tuple[Shape, ...] = ()
    solves: tuple[int, ...] = ()

    def __add__(self, other: Work) -> Work:
        return Work(
            self.kernels + other.kernels,
            self.steps + other.steps,
            max(self.batch, other.batch),
            self.span + other.span,
            self.eigenpairs + other.eigenpairs,
            self.solves + other.solves,
        )


def steps_of(samples: int, *, batch: int, epochs: int) -> int:
    """Steps of a descent that drops the incomplete last batch.

    >>> steps_of(3000, batch=128, epochs=30)
    690
    """
    return epochs * max(1, samples // max(1, min(batch, samples)))
