"""How a kernel has turned towards or away from each of its initial eigenvectors, and where the target went.

With K0 v_j = λ_j v_j and the kernel K1 after training

    after_j        v_jᵀ K1 v_j
    ratio_j        after_j / λ_j                          raw: mostly the growth of the whole kernel
    normalized_j   ratio_j · tr K0 / tr K1                1 where the kernel only grew

The target's rank is how many directions have a larger quotient: before training among the λ_j, afterwards among the
after_j. The eigenvectors are chosen on the rows where they are read: the leading λ_j lie above those of the whole
distribution and the last below, so that even between two kernels of no relation `normalized` rises with j. What
training did shows in the target beside its neighbours, and on rows held out, for which `directions` are given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError
from tangentlab._shapes import expect_shape
from tangentlab.linalg import as_columns, eigenpairs
from tangentlab.probes.jackknife import Jackknife
from tangentlab.probes.kernel_target import refuse_zero
from tangentlab.probes.paired_quotients import KernelProducts, PairedQuotients

_NEIGHBOURS = 10
"""Directions on either side of the target that it is compared with."""


@dataclass(frozen=True)
class TurnedTarget:
    """A target's `ratio` and `normalized`, as a direction has them, and its ranks.

    `neighbours` is the median of `normalized` of the ten directions on either side of it in rank.

    A rank counts the directions with a larger quotient: as many as there are directions means that or more.

    >>> y = [1.0, 1.0]
    >>> found = kernel_rotation([[2.0, 0.0], [0.0, 1.0]], [[2.0, 1.0], [1.0, 1.0]], target=y).target
    >>> round(found.ratio, 6), found.rank_before, found.rank_after
    (1.666667, 1, 0)
    """

    ratio: float
    normalized: Jackknife
    """Over rows, the direction held."""
    rank_before: int
    rank_after: int
    neighbours: float

    @property
    def rank_shift(self) -> int:
        """Ranks gained: above 0 where training moved the target up."""
        return self.rank_before - self.rank_after


@dataclass(frozen=True, eq=False)
class KernelRotation:
    """Quotients along k directions `before` (k,) and `after` (k,), and what has become of the target.

    >>> found = kernel_rotation(torch.diag(torch.tensor([4.0, 1.0])), torch.diag(torch.tensor([4.0, 4.0])))
    >>> found.ratios.tolist(), found.normalized.tolist()
    ([1.0, 4.0], [0.625, 2.5])
    """

    before: np.ndarray
    after: np.ndarray
    trace_before: float
    trace_after: float
    standard_errors: np.ndarray
    """Of `normalized`, by the jackknife over rows with the directions held."""
    target: TurnedTarget | None

    @property
    def ratios(self) -> np.ndarray:
        """after / before, (k,)."""
        return self.after / self.before

    @property
    def normalized(self) -> np.ndarray:
        """The same for kernels of one trace, (k,)."""
        return self.ratios * self.trace_before / self.trace_after


def kernel_rotation(
    K0: Any,
    K1: Any,
    *,
    k: int | None = None,
    target: int | Any = None,
    directions: Any = None,
    level: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> KernelRotation:
    """Rayleigh quotients of two kernels on the same rows along the k leading eigenvectors of the first.

    Parameters
    ----------
    K0, K1: matrices (n, n), full kernels (n, n, c, c), or anything known by its products: `TiledGram`,
        `KernelOperator`, a SciPy operator. Their traces are read from the diagonal, which an operator that does not
        know its own gives by n products
    k: how many eigenvectors; default all, which takes O(n³)
    target: the index of an eigenvector that was the task, counted from 0, or values (n,) or (n, r) on the rows; for
        full kernels (n, c)
    directions: (n, k), the vectors to look along instead: eigenvectors already known, for a second K1, or on rows held
        out K0(test, train) v_j / λ_j
    level: of the target's interval
    progress: called while eigenpairs of an operator are sought

    Cost: k eigenpairs of K0 and a product of K1 with k vectors. Directions in which K0 has nothing to rounding are
    left out. Errors: `ShapeError` for kernels of different sizes, `DataError` for one without a trace.

    >>> v = torch.tensor([0.6, 0.8], dtype=torch.float64)
    >>> K0 = torch.diag(torch.tensor([2.0, 1.0], dtype=torch.float64))
    >>> found = kernel_rotation(K0, K0 + 10 * torch.outer(v, v), target=1)
    >>> [round(r, 6) for r in found.ratios.tolist()], found.target.rank_before, found.target.rank_after
    ([2.8, 7.4], 1, 0)
    """
    first, second = KernelProducts.of("K0", K0), KernelProducts.of("K1", K1)
    if first.size != second.size:
        expect_shape("K1", torch.empty(second.size, second.size, device="meta"), "n n", n=first.size)
    for one in (first, second):
        if one.trace <= 0:
            raise DataError(
                f"`{one.map.name}` has trace {one.trace:.3g}: it has no direction.", remedy="Check its anchor."
            )
    V = _directions(first, K0, k, directions, progress)
    along = PairedQuotients.of(first, second, V)
    scale = first.trace / second.trace
    errors = [one.standard_error for one in along.jackknives(level)]
    found = None
    if target is not None:
        found = _turned(first, second, target, along, scale=scale, level=level)
    before, after = (part.cpu().numpy() for part in (along.before, along.after))
    return KernelRotation(before, after, first.trace, second.trace, np.array(errors), found)


def _directions(
    first: KernelProducts, K0: Any, k: int | None, directions: Any, progress: Callable[[int, int], None] | None
) -> Tensor:
    if directions is not None:
        V = as_columns("directions", directions, rows=first.size).to(first.map.device, torch.float64)
        if not bool(V.any(dim=0).all()):
            raise DataError("A column of `directions` is zero everywhere.", remedy="Leave it out.")
        return V
    pairs = eigenpairs(first.map if first.map.dense is None else K0, k, progress=progress, name="K0")
    floor = first.size * first.map.rounding * float(pairs.values.abs().max())
    return pairs.vectors[:, pairs.values > floor]


def _turned(
    first: KernelProducts,
    second: KernelProducts,
    target: Any,
    along: PairedQuotients,
    *,
    scale: float,
    level: float,
) -> TurnedTarget:
    k = len(along.before)
    if isinstance(target, (int, np.integer)) and not isinstance(target, bool):
        if not 0 <= target < k:
            raise ArgumentError(
                "target", expected=f"an index from 0 to {k - 1}, or values", got=target, remedy="Count from 0."
            )
        mine, others = along.only(int(target)), torch.arange(k) != int(target)
    else:
        y = as_columns("target", target).to(first.map.device, torch.float64)
        c = first.own.shape[1]
        if c > 1 or (len(y) != first.size and y.numel() == first.size):
            y = y.reshape(-1, 1)
        expect_shape("target", y, "n r", n=first.size)
        refuse_zero(y, name="target")
        mine, others = PairedQuotients.of(first, second, y).summed(), torch.ones(k, dtype=torch.bool)
    others = others.to(along.energies.device)
    before, after = along.before[others], along.after[others]
    normalized = mine.jackknives(level)[0]
    rank = int((before > mine.before[0]).sum())
    near = before.argsort(descending=True)[max(0, rank - _NEIGHBOURS) : rank + _NEIGHBOURS]
    return TurnedTarget(
        ratio=float(mine.after[0] / mine.before[0]),
        normalized=normalized,
        rank_before=rank,
        rank_after=int((after > mine.after[0]).sum()),
        neighbours=float((after / before)[near].median() * scale) if len(near) else float("nan"),
    )
