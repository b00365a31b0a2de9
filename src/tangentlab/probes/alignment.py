"""Alignment of a kernel with a target: five numbers with five names, never one.

====================  ==========================================  =============================================
`rayleigh`            yᵀKy / ‖y‖²                                 n times the plug-in of E[y Θ y'] for y = ±1
`trace_normalized`    rayleigh / tr K                             0 to 1; free of the kernel's scale
`unbiased`            (yᵀKy − Σ y_i² K_ii) / (n (n − 1))          the U-statistic of E[y Θ y']; ≈ 0 for noise
`target`              yᵀKy / (‖yyᵀ‖_F ‖K‖_F)                      cosine with the target kernel (Cristianini)
`centered`            the same with HKH and Hy                    centred kernel alignment, CKA (Cortes)
====================  ==========================================  =============================================

The plug-in is biased upwards by the diagonal: random labels have a large `rayleigh` and an `unbiased` of about 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tangentlab._errors import DataError
from tangentlab.linalg.frobenius_norm import frobenius_norm
from tangentlab.probes.kernel_target import KernelTarget


@dataclass(frozen=True)
class Alignment:
    """The five alignments of K with y (formulas above).

    >>> Alignment(rayleigh=2.0, trace_normalized=1.0, unbiased=1.0, target=1.0, centered=1.0).target
    1.0
    """

    rayleigh: float
    trace_normalized: float
    unbiased: float
    target: float
    centered: float


def alignment(K: Any, y: Any, *, rounding: float | None = None) -> Alignment:
    """Alignment of K (n, n) with y (n,) or (n, c); every quantity sums over the columns of y. O(n²).

    Targets are taken as they are: pass ±1 or centred ones, for {0, 1} align with the mean direction.
    K may also be (n, n, c), one for each output, or (n, n, c, c): yᵀKy is then Σ y_ik K_ijkl y_jl, tr K that of
    one output on average, and the target kernel has the form of K (`kernel_target`). The first three do not
    depend on the form one kernel is written in. `centered` is 0 where K or y is constant over rows; `rounding`
    is the machine epsilon K was computed with.

    >>> alignment([[2.0, -1.0], [-1.0, 2.0]], [1.0, -1.0])
    Alignment(rayleigh=3.0, trace_normalized=0.75, unbiased=1.0, target=0.948..., centered=1.0)
    """
    return alignments(K, [y], rounding=rounding)[0]


def alignments(K: Any, targets: Sequence[Any], *, rounding: float | None = None) -> list[Alignment]:
    """Alignment of one K with each of some targets of as many columns; K is checked, centred and measured once.

    >>> [found.rayleigh for found in alignments([[2.0, -1.0], [-1.0, 2.0]], [[1.0, -1.0], [1.0, 1.0]])]
    [3.0, 1.0]
    """
    first = KernelTarget.of(K, targets[0], rounding=rounding)
    n = first.blocks.rows
    if n < 2 or first.trace <= 0:
        raise DataError(
            f"`K` of {n} row{'s' * (n != 1)} has trace {first.trace:.3g}: its alignment is not defined.",
            remedy="Pass a kernel of two rows or more with a positive trace.",
        )
    middle = first.centred()
    norms = frobenius_norm(first.blocks.systems), frobenius_norm(middle.blocks.systems)
    found = []
    for y in targets:
        pair = first.towards(y)
        centred = replace(middle, target=pair.target - pair.target.mean(dim=0))
        form, energy = pair.quadratic_form, pair.target_energy
        found.append(
            Alignment(
                rayleigh=form / energy,
                trace_normalized=form / energy / first.trace,
                unbiased=(form - pair.own_quadratic_form) / (n * (n - 1)),
                target=_cosine(pair, norms[0], beside=(pair, norms[0])),
                centered=_cosine(centred, norms[1], beside=(pair, norms[0])),
            )
        )
    return found


def _cosine(pair: KernelTarget, norm: float, *, beside: tuple[KernelTarget, float]) -> float:
    """<K, T> / (‖K‖ ‖T‖) for ‖K‖ = `norm`; 0 where either vanishes beside an uncentred pair and its ‖K‖."""
    uncentred, largest = beside
    noise, target = pair.blocks.rows * pair.rounding, pair.target_kernel_norm
    if norm <= noise * largest or target <= noise * uncentred.target_kernel_norm:
        return 0.0
    return pair.quadratic_form / (norm * target)
