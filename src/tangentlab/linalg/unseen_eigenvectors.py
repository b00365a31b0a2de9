"""Eigenvectors that a Krylov space has not seen: those outside it that K stretches as far as those that were found.

A Krylov space of blocks of b vectors sees b copies of an eigenvalue at the most. A random block outside the space, and
a few products of it with K, find the others, or vouch for there being none: an eigenvalue beyond the last one found
would have shown itself in them. Where as many as b values lie close together, there may be more beside them than a few
products tell apart, and the search goes on until what is outside stretches no further.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tangentlab.linalg.krylov_basis import KrylovBasis, next_block
from tangentlab.linalg.linear_map import LinearMap
from tangentlab.linalg.ritz_pairs import RitzPairs

WITNESSES = 8
"""Random vectors."""
WITNESS_STEPS = 5
"""Products of each."""
PATIENT_STEPS = 60
"""Products of each at the most, where values lie close together."""
_CROWDED = 1e-3
"""Values closer than this share of them lie close together."""


def unseen_eigenvectors(
    K: LinearMap,
    basis: KrylovBasis,
    values: Tensor,
    *,
    used: int,
    block: int,
    floor: float,
    source: torch.Generator,
) -> tuple[Tensor | None, int]:
    """Vectors, as rows, on which K exceeds the last of `values` by more than `floor`, or None; and the products made.

    used: rows of the basis that span the space; those behind them are written over. values (k,): found in it,
    descending. block: its b.

    >>> K = LinearMap.of(torch.diag(torch.tensor([3.0, 3.0] + [1.0] * 10, dtype=torch.float64)))
    >>> basis, source = KrylovBasis.empty(K, capacity=12, dtype=torch.float64), torch.Generator().manual_seed(0)
    >>> _ = basis.expand(K, torch.eye(12, dtype=torch.float64)[:1], used=0)
    >>> found, _ = unseen_eigenvectors(K, basis, torch.tensor([2.0]), used=1, block=2, floor=1e-9, source=source)
    >>> [round(abs(number), 6) for number in found[0, :3].tolist()]
    [0.0, 1.0, 0.0]
    """
    bound, longest = float(values[-1]) + floor, -float("inf")
    steps = PATIENT_STEPS if _crowded(values, block=block, floor=floor) else WITNESS_STEPS
    width = min(WITNESSES, (K.size - used) // steps)
    stop = used
    images = torch.randn(width, K.size, generator=source, dtype=torch.float64).to(K.device)
    for step in range(1, steps + 1 if width else 1):
        new = next_block(images, basis.rows[:stop], floor=0.0, source=source)
        images, _ = basis.expand(K, new, used=stop)
        stop += width
        if step % WITNESS_STEPS == 0:
            pairs = RitzPairs.of(basis.small(stop, first=used))
            unseen = pairs.values > bound
            if bool(unseen.any()):
                return basis.combine(pairs.coefficients[:, unseen], first=used), stop - used
            before, longest = longest, float(pairs.values[0])
            if longest - before < 0.1 * (bound - longest):
                break
    return None, stop - used


def _crowded(values: Tensor, *, block: int, floor: float) -> bool:
    """Whether as many as a block of the values above rounding lie close together."""
    first, last = values[: max(0, len(values) - block + 1)], values[block - 1 :]
    return bool(((first - last < _CROWDED * first) & (first > 10 * floor)).any())
