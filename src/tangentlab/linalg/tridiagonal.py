"""Q H Qᵀ of a symmetric matrix, H tridiagonal, and only as many of its eigenvectors as are wanted.

Source    Householder's reduction; multiple relatively robust representations, Dhillon and Parlett 2004; by LAPACK
Cost      4/3 m³ for H, half of it at the speed of memory, then m² for all eigenvalues and some 6 m² for each vector,
          where all vectors together would cost some 4 m³ more
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal, get_lapack_funcs
from torch import Tensor

_REDUCE, _REDUCE_ROOM, _VALUES, _TURN = get_lapack_funcs(
    ("sytrd", "sytrd_lwork", "sterf", "ormqr"), dtype=np.float64
)


@dataclass(frozen=True, eq=False)
class Tridiagonal:
    """H by its `diagonal` (m,) and what is `beside` it (m − 1,), and Q by its `reflectors` and their `lengths`.

    >>> H = Tridiagonal.of(torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 5.0]]).double())
    >>> [round(value, 9) for value in H.values().tolist()]
    [5.0, 3.0, 1.0]
    >>> values, vectors = H.leading(2)
    >>> values.round(decimals=9).tolist(), vectors[:, 1].abs().square().round(decimals=9).tolist()
    ([5.0, 3.0], [0.5, 0.5, 0.0])
    """

    reflectors: np.ndarray
    diagonal: np.ndarray
    beside: np.ndarray
    lengths: np.ndarray

    @staticmethod
    def of(matrix: Tensor) -> Tridiagonal:
        """Reduce a symmetric matrix (m, m), float64, on the CPU, of which the lower triangle is read."""
        given = matrix.numpy().copy(order="F")
        work = int(_REDUCE_ROOM(len(given), lower=1)[0])
        return Tridiagonal(*_checked(_REDUCE(given, lower=1, lwork=work, overwrite_a=1)))

    def values(self) -> Tensor:
        """All eigenvalues (m,), largest first."""
        (values,) = _checked(_VALUES(self.diagonal, self.beside)) if len(self.beside) else (self.diagonal,)
        return torch.from_numpy(values[::-1].copy())

    def leading(self, count: int) -> tuple[Tensor, Tensor]:
        """The `count` largest eigenvalues, in order, and their vectors as orthonormal columns."""
        size = len(self.diagonal)
        if count == 0 or size == 1:
            return torch.from_numpy(self.diagonal[:count].copy()), torch.ones(size, count, dtype=torch.float64)
        values, vectors = eigh_tridiagonal(
            self.diagonal,
            self.beside,
            select="i",
            select_range=(size - count, size - 1),
            lapack_driver="stemr",
            check_finite=False,
        )
        below, inner = self.reflectors[1:, :-1].copy(order="F"), vectors[1:].copy(order="F")
        work = int(_TURN("L", "N", below, self.lengths, inner, lwork=-1)[1][0])
        vectors[1:], _ = _checked(_TURN("L", "N", below, self.lengths, inner, lwork=work, overwrite_c=1))
        found = torch.from_numpy(vectors[:, ::-1].copy())
        newton = 1.5 * torch.eye(count, dtype=torch.float64) - 0.5 * (found.T @ found)
        return torch.from_numpy(values[::-1].copy()), found @ newton  # orthogonal to a thousand ε, now to a few


def _checked(results: tuple) -> tuple:
    """What LAPACK returned but its status, which is zero or an error."""
    *found, info = results
    if info:
        raise np.linalg.LinAlgError(f"LAPACK returned {info}.")
    return tuple(found)
