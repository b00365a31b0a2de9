"""Mini-batches: the order in which every learner sees the rows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._seeds import generator
from tangentlab.training.descent import Descent


def batches(n: int, descent: Descent, *, device: torch.device | str | None = None) -> Iterator[Tensor]:
    """Row indices of every step of a descent on n rows: `descent.steps(rows=n)` tensors of one size.

    Each epoch is a fresh permutation drawn from the descent's seed, cut into batches; an incomplete last batch
    is dropped, and when n is smaller than the batch size the one batch has all n rows. Two learners given the
    same n and seed see the same rows in the same order. The permutations are drawn on the CPU on every machine
    and brought to `device` once an epoch.

    >>> [b.tolist() for b in batches(5, Descent(batch_size=2, epochs=1, seed=0))]
    [[4, 0], [1, 2]]
    >>> [len(b) for b in batches(3, Descent(batch_size=128, epochs=2))]
    [3, 3]
    """
    if n < 1:
        raise ArgumentError("n", expected="at least one row", got=n, remedy="Pass rows to learn from.")
    return _draw(n, descent, device)


def _draw(n: int, descent: Descent, device: torch.device | str | None) -> Iterator[Tensor]:
    source = generator(descent.seed, "batches")
    size = min(n, descent.batch_size)
    for _ in range(descent.epochs):
        order = torch.randperm(n, generator=source).to(device)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]
