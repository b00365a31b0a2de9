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

from dataclasses import dataclass
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
    pair = KernelTarget.of(K, y, rounding=rounding)
    n = pair.blocks.rows
    if n < 2 or pair.trace <= 0:
        raise DataError(
            f"`K` of {n} row{'s' * (n != 1)} has trace {pair.trace:.3g}: its alignment is not defined.",
            remedy="Pass a kernel of two rows or more with a positive trace.",
        )
    form, energy = pair.quadratic_form, pair.target_energy
    return Alignment(
        rayleigh=form / energy,
        trace_normalized=form / energy / pair.trace,
        unbiased=(form - pair.own_quadratic_form) / (n * (n - 1)),
        target=_cosine(pair),
        centered=_cosine(pair.centred(), scale=pair),
    )


def _cosine(pair: KernelTarget, *, scale: KernelTarget | None = None) -> float:
    """<K, T> / (‖K‖ ‖T‖); 0 where either vanishes beside the uncentred ones of `scale`."""
    scale = scale or pair
    kernel, target = frobenius_norm(pair.blocks.systems), pair.target_kernel_norm
    noise = pair.blocks.rows * pair.rounding
    if kernel <= noise * frobenius_norm(scale.blocks.systems) or target <= noise * scale.target_kernel_norm:
        return 0.0
    return pair.quadratic_form / (kernel * target)
