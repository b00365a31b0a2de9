"""The pass of rows through a network of infinite width: variances of each row alone, then pairs of rows in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tangentlab.kernels.memory_budget import Room
from tangentlab.kernels.pair_covariances import Covariances, PlannedSteps
from tangentlab.kernels.pixel_pairs import PixelPairs

_BLOCK_NUMBERS = {"cpu": 1 << 18, "cuda": 1 << 24}
"""Covariances treated at once: what a processor's caches hold, what keeps a graphics card busy."""

_COPIES = 16
"""Arrays of that size that an activation may hold."""


def pass_through(
    planned: PlannedSteps,
    first: Tensor,
    second: Tensor | None,
    *,
    with_ntk: bool,
    memory: int | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """NNGP and, with it, NTK of rows (n, channels, pixels) against others, or among themselves: (1 or 2, n, m).

    >>> from tangentlab.kernels.infinite_layers import Dense
    >>> from tangentlab.kernels.infinite_rules import plan_layers
    >>> from tangentlab.kernels.pixel_pairs import Grid
    >>> planned = plan_layers([Dense()], PixelPairs.single(), Grid(1, 1))
    >>> pass_through(planned, torch.ones(2, 3, 1), None, with_ntk=False).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    other = first if second is None else second
    n, m = len(first), len(other)
    room = Room.on(first.device, memory)
    room.refuse(n, m, result=8 * n * m * (1 + with_ntk))
    most = min(_BLOCK_NUMBERS.get(first.device.type, 1 << 18), room.bytes // (8 * _COPIES))
    pairs = max(len(planned.needed), planned.work)
    side, block = max(1, int((most / pairs) ** 0.5)), max(1, most // pairs)
    own, ends = _alone(planned, first, block=block)
    others = own if second is None else _alone(planned, second, block=block)[0]
    result = torch.empty(1 + with_ntk, n, m, dtype=first.dtype, device=first.device)
    starts = [(i, j) for i in range(0, n, side) for j in range(0, m, side) if second is not None or j >= i]
    for done, (i, j) in enumerate(starts):
        rows, columns = slice(i, i + side), slice(j, j + side)
        k = _start(first[rows], planned, other[columns])
        variances = _Between(iter([q[:, rows] for q in own]), iter([q[:, columns] for q in others]))
        end = planned(Covariances(k, k.new_zeros(()) if with_ntk else None), variances)
        for kernel, tile in zip(result, end.last):
            kernel[rows, columns] = (tile + tile.mT) / 2 if second is None and i == j else tile
            if second is None and i < j:
                kernel[columns, rows] = tile.mT
        if progress is not None:
            progress(done + 1, len(starts))
    if second is None:
        for kernel, diagonal in zip(result, ends):
            kernel.diagonal().copy_(diagonal)
    return result


@dataclass(frozen=True, eq=False)
class _Alone:
    """Meets the variances of rows by themselves and keeps them, (pixels, rows) for each activation in turn."""

    met: list[Tensor] = field(default_factory=list)

    def meet(self, pairs: PixelPairs, nngp: Tensor) -> tuple[Tensor, Tensor]:
        own, first, second = pairs.own
        self.met.append(nngp[own])
        return self.met[-1][first], self.met[-1][second]


@dataclass(frozen=True, eq=False)
class _Between:
    """Knows the variances of two blocks of rows from the passes over each of them alone."""

    first: Iterator[Tensor]
    second: Iterator[Tensor]

    def meet(self, pairs: PixelPairs, nngp: Tensor) -> tuple[Tensor, Tensor]:
        _, first, second = pairs.own
        return next(self.first)[first][:, :, None], next(self.second)[second][:, None, :]


def _alone(planned: PlannedSteps, rows: Tensor, *, block: int) -> tuple[list[Tensor], list[Tensor]]:
    """The variances that activations meet, (pixels, n) each, and both kernels of each row with itself, (n,)."""
    met, ends = [], []
    for some in rows.split(block):
        k, variances = _start(some, planned), _Alone()
        ends.append(planned(Covariances(k, k.new_zeros(())), variances).last)
        met.append(variances.met)
    return [torch.cat(parts, 1) for parts in zip(*met)], [torch.cat(parts) for parts in zip(*ends)]


def _start(rows: Tensor, planned: PlannedSteps, other: Tensor | None = None) -> Tensor:
    """Covariances of the inputs, averaged over channels: (pairs, n) of rows alone, or (pairs, n, m)."""
    first, second = planned.needed.pixels
    channels = rows.shape[1]
    if other is None:
        return (rows[:, :, first] * rows[:, :, second]).mean(1).T
    left, right = rows[:, :, first].permute(2, 0, 1), other[:, :, second].permute(2, 1, 0)
    return torch.bmm(left, right).div_(channels)
