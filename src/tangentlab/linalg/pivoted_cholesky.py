"""Randomly pivoted Cholesky: a low-rank approximation of a positive K from columns chosen by what is left over.

Formula   draw i with probability ∝ (K − F Fᵀ)_ii, append the residual's column i / √(its entry i)
Source    Chen, Epperly, Tropp and Webber 2024; in blocks by rejection, Epperly, Tropp and Webber 2024: the same law,
          with matrix products
Cost      r columns of K, n r² and r² further entries
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import NotPositiveError
from tangentlab._seeds import numpy_generator
from tangentlab._shapes import expect_finite
from tangentlab.linalg.columns import Columns
from tangentlab.linalg.low_rank import LowRank, expect_rank
from tangentlab.linalg.matrix_product import product


def pivoted_cholesky(
    columns: Columns,
    rank: int,
    *,
    block: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LowRank:
    """F (n, rank) from as many columns of K; fewer where the rest of K is rounding.

    `block` columns are proposed at once, by default twice as many as are still wanted, between 8 and 512; it changes
    the time and the number of times that columns are asked for, and not the law.

    >>> low = pivoted_cholesky(Columns.of(torch.diag(torch.tensor([4.0, 1.0, 0.0]))), 3)
    >>> sorted(low.pivots.tolist()), low.trace_error
    ([0, 1], 0.0)
    """
    n = columns.size
    rank = expect_rank(rank, size=n)
    source = numpy_generator(seed, "pivoted_cholesky")
    epsilon = float(torch.finfo(columns.dtype).eps)
    whole = columns.diagonal
    trace, noise = float(whole.sum()), 20 * epsilon * whole
    left = whole.clone()
    factor = torch.empty(n, rank, dtype=columns.dtype, device=whole.device)
    pivots, used, cost = torch.empty(rank, dtype=torch.long, device=whole.device), 0, 0
    while used < rank:
        left = torch.where(left > noise, left, torch.zeros_like(left))
        total = float(left.sum())
        if total <= 4 * epsilon * trace:
            break
        proposals = block or max(8, min(512, 2 * (rank - used)))
        drawn = source.choice(n, size=proposals, p=(left / total).cpu().numpy())
        picked = torch.from_numpy(drawn).to(whole.device)
        held = factor[picked, :used].double()
        square = columns.block(picked, picked).double() - held @ held.T
        accepted, lower = _accept(
            square.cpu().numpy(), source, noise=noise[picked].cpu().numpy(), most=rank - used
        )
        if not len(accepted):
            left[picked] = 0.0  # what they have left is rounding
            continue
        chosen = picked[torch.from_numpy(accepted).to(picked.device)]
        fresh = columns.block(None, chosen).to(factor.dtype)
        expect_finite("columns of K", fresh)
        fresh = fresh - product(factor[:, :used].contiguous(), factor[chosen, :used].T)
        triangle = torch.from_numpy(lower).to(whole.device)
        fresh = torch.linalg.solve_triangular(triangle, fresh.double().T, upper=False).T
        stop = used + len(chosen)
        factor[:, used:stop], pivots[used:stop] = fresh, chosen
        left = left - fresh.square().sum(1)
        left[chosen] = 0.0
        used, cost = stop, cost + columns.cost(chosen)
        _refuse_negative(left, whole, epsilon, used)
        if progress is not None:
            progress(used, rank)
    error = max(0.0, float(left.clamp_min(0).sum()))
    return LowRank(factor[:, :used].contiguous(), pivots[:used].clone(), trace, error, cost)


def _accept(
    square: np.ndarray, source: np.random.Generator, *, noise: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """The proposals taken, each with the chance that those before it leave of its entry; and their Cholesky factor."""
    left, at_first = square.copy(), square.diagonal().copy()
    chances = source.random(len(square))
    taken: list[int] = []
    factor = np.zeros_like(square)
    for i in range(len(square)):
        entry = left[i, i]
        if len(taken) == most or entry <= noise[i] or chances[i] * at_first[i] >= entry:
            continue
        column = left[:, i] / np.sqrt(entry)
        left -= np.outer(column, column)
        factor[:, len(taken)] = column
        taken.append(i)
    index = np.array(taken, dtype=np.int64)
    return index, np.tril(factor[index, : len(index)])


def _refuse_negative(left: Tensor, whole: Tensor, epsilon: float, used: int) -> None:
    worst = int(left.argmin())
    if float(left[worst]) < -1e3 * epsilon * used**0.5 * float(whole.max()):
        raise NotPositiveError(
            f"The kernel must be positive semidefinite, and after {used} columns its entry ({worst}, {worst}) would "
            f"be {float(left[worst]):.3g} of {float(whole[worst]):.3g}.",
            remedy="Compute it in float64, and check that its columns and diagonal are of one kernel.",
        )
