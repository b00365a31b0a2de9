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
    double: whether kernels are float64 whatever the precision of the network
    infinite: (rows, columns) of each kernel of infinite width, if the network has one in closed form
    most_covariances: of each of those, beyond which it is left out
    outputs: rows put through the network for its outputs alone
    descents: (steps, rows of a step) of each descent of the network
    span: (steps, rows of a step, rows) of each descent in function space
    eigenpairs: (n, k) of each decomposition; k = n for a dense one
    solves: n of each Cholesky factorization
    infinite_solves: of each that comes with the kernels of infinite width
    shape: of a row, where it is not that of the data

    >>> Work(kernels=((100, 100),), descents=((10, 32),)) + Work(descents=((5, 32),))
    Work(kernels=((100, 100),), double=False, infinite=(), most_covariances=0, outputs=0, descents=((10, 32), ...
    """

    kernels: tuple[Shape, ...] = ()
    double: bool = False
    infinite: tuple[Shape, ...] = ()
    most_covariances: int = 0
    outputs: int = 0
    descents: tuple[Shape, ...] = ()
    span: tuple[tuple[int, int, int], ...] = ()
    eigenpairs: tuple[Shape, ...] = ()
    solves: tuple[int, ...] = ()
    infinite_solves: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()

    def __add__(self, other: Work) -> Work:
        return Work(
            self.kernels + other.kernels,
            self.double or other.double,
            self.infinite + other.infinite,
            max(self.most_covariances, other.most_covariances),
            self.outputs + other.outputs,
            self.descents + other.descents,
            self.span + other.span,
            self.eigenpairs + other.eigenpairs,
            self.solves + other.solves,
            self.infinite_solves + other.infinite_solves,
            self.shape or other.shape,
        )


def steps_of(samples: int, *, batch: int, epochs: int) -> int:
    """Steps of a descent that drops the incomplete last batch.

    >>> steps_of(3000, batch=128, epochs=30)
    690
    """
    return epochs * max(1, samples // max(1, min(batch, samples)))
