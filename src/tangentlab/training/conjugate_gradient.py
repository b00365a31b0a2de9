"""ConjugateGradient: how `KernelRegression` solves where a kernel is known by its products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_whole_number
from tangentlab.linalg import IterativeSolution, LinearMap, LowRank, conjugate_gradient, sketched_nystrom


@dataclass(frozen=True, eq=False)
class ConjugateGradient:
    """How `KernelRegression` solves iteratively; see `linalg.conjugate_gradient`.

    `preconditioner` is a `LowRank` of the same kernel, or the rank of one that is sketched from a product with as many
    vectors; 0 for none. It pays where the ridge is small beside the largest eigenvalues, as it mostly is.

    >>> ConjugateGradient(tolerance=2.0)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `tolerance` must be between 0 and 1, got 2.0. Try 1e-8.
    """

    preconditioner: LowRank | int = 100
    tolerance: float = 1e-8
    iterations: int = 1000
    seed: int = 0
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self):
        if not 0 < self.tolerance < 1:
            raise ArgumentError(
                "tolerance", expected="between 0 and 1", got=repr(self.tolerance), remedy="Try 1e-8."
            )
        for name, least in (("preconditioner", 0), ("iterations", 1)):
            value = getattr(self, name)
            if not isinstance(value, LowRank):
                expect_whole_number(name, value, least=least, remedy="Leave it out.")

    def prepared(self, K: LinearMap, *, ridge: float) -> LowRank | None:
        """The low-rank approximation to precondition with; None where it would solve nothing or all but rounding.

        >>> import torch
        >>> ConjugateGradient(preconditioner=0).prepared(LinearMap.of(torch.eye(2)), ridge=1.0) is None
        True
        """
        low = self.preconditioner
        if not isinstance(low, LowRank):
            rank = min(low, K.size // 2)
            if rank == 0:
                return None
            low = sketched_nystrom(K, rank, seed=self.seed)
        shift = ridge + low.trace_error / K.size
        return low if low.rank and shift > K.rounding * low.trace else None

    def solve(self, K: LinearMap, b: Tensor, *, ridge: float, low: LowRank | None) -> IterativeSolution:
        """(K + ridge I) a = b for b (n, r), preconditioned by `low`.

        >>> import torch
        >>> ConjugateGradient().solve(LinearMap.of(torch.eye(2)), torch.ones(2, 1), ridge=1.0, low=None).value.tolist()
        [[0.5], [0.5]]
        """
        return conjugate_gradient(
            K,
            b,
            ridge=ridge,
            preconditioner=low,
            tolerance=self.tolerance,
            iterations=self.iterations,
            progress=self.progress,
        )
