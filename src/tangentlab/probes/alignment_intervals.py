"""Intervals of the five alignments, by leaving out each row of a kernel in turn.

`unbiased` is a U-statistic: its jackknife is that of Arvesen (1969), and its bias is zero. The four others are
plug-ins in which each row's entry with itself weighs 1/n too much: upwards for `rayleigh`, `trace_normalized` and
`target`; `bias` estimates by how much, and `corrected` takes it off. All from sums of rows, no kernel is formed again.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tangentlab.probes.alignment import alignment
from tangentlab.probes.gradient_alignment import u_statistic
from tangentlab.probes.jackknife import Jackknife, jackknife
from tangentlab.probes.kernel_target import KernelTarget
from tangentlab.probes.left_out import centred_inner_left_out, inner_left_out


def alignment_intervals(
    K: Any, y: Any, *, level: float = 0.95, rounding: float | None = None
) -> dict[str, Jackknife]:
    """The jackknife over rows of each number of `alignment(K, y)`, by name. O(n² c²), as memory.

    K and y are in any form that `alignment` takes; nan where leaving out a row leaves nothing to measure.

    >>> found = alignment_intervals([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [1.0, -1.0, 1.0])
    >>> found["rayleigh"].value, found["rayleigh"].standard_error, found["unbiased"].high
    (1.0, 0.0, 0.0)
    """
    found = alignment(K, y, rounding=rounding)
    pair = KernelTarget.of(K, y, rounding=rounding)
    sums = _Sums.of(pair)
    rayleigh = sums.form / sums.energy
    left = {
        "rayleigh": rayleigh,
        "trace_normalized": rayleigh / sums.trace,
        "target": sums.form / (sums.kernel * sums.target).sqrt(),
        "centered": sums.centred_form / (sums.centred_kernel * sums.centred_target).sqrt(),
    }
    intervals = {name: jackknife(getattr(found, name), each, level=level) for name, each in left.items()}
    return {**intervals, "unbiased": u_statistic(sums.shares, sums.own_shares, level=level)}


class _Sums:
    """Sums of a kernel and a target without each row, (n,)."""

    def __init__(self, n: int, like: Tensor):
        zeros = like.new_zeros(n)
        self.form, self.kernel, self.target = zeros, zeros, zeros
        self.centred_form, self.centred_kernel, self.centred_target = zeros, zeros, zeros
        self.trace, self.energy = zeros, zeros
        self.shares, self.own_shares = zeros, zeros

    @staticmethod
    def of(pair: KernelTarget) -> _Sums:
        blocks, s = pair.blocks, pair.blocks.stride
        n = blocks.rows
        sums = _Sums(n, pair.target)
        trace = pair.target.new_zeros(n)
        for K, side in zip(blocks.systems, blocks.pack(pair.target)):
            T = side @ side.T
            sums.form = sums.form + inner_left_out(K, T, stride=s)[1]
            sums.kernel = sums.kernel + inner_left_out(K, K, stride=s)[1]
            sums.target = sums.target + inner_left_out(T, T, stride=s)[1]
            sums.centred_form = sums.centred_form + centred_inner_left_out(K, T, stride=s)[1]
            sums.centred_kernel = sums.centred_kernel + centred_inner_left_out(K, K, stride=s)[1]
            sums.centred_target = sums.centred_target + centred_inner_left_out(T, T, stride=s)[1]
            apart = (K * T).reshape(n, s, n, s).sum(dim=(1, 3))
            sums.shares, sums.own_shares = sums.shares + apart.sum(1), sums.own_shares + apart.diagonal()
            trace = trace + K.diagonal().reshape(n, s).sum(1)
        energies = pair.target.square().sum(1)
        sums.energy = energies.sum() - energies
        sums.trace = (trace.sum() - trace) / (len(blocks.systems) * s)
        return sums
