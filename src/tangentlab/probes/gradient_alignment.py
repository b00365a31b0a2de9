"""Alignment of a network's kernel with a target from one backward pass, without the kernel.

    yᵀKy = ‖Jᵀy‖² = ‖∇_θ Σ_i ⟨y_i, f(x_i)⟩‖²

so that `rayleigh` costs one backward pass over the rows. `trace_normalized` needs tr K and `unbiased` Σ_i y_i² K_ii:
the kernels of the rows with themselves, c backward passes more, exact and never n × n (`own_kernels`). One pass with
tangents gives (Ky)_i, and with it all three without each row in turn: their jackknife costs no more than that.

`rayleigh` and `trace_normalized` are plug-ins, biased upwards by the diagonal (for random labels of ±1 `rayleigh` is
the mean of K_ii); the interval's `bias` says by how much. `unbiased` is a U-statistic and has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import DataError
from tangentlab.kernels import KernelOperator
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.kernels.own_kernels import own_kernels
from tangentlab.linalg import LinearMap, TraceEstimate, trace_estimate
from tangentlab.networks.inputs import Inputs
from tangentlab.probes.jackknife import Jackknife, jackknife
from tangentlab.probes.pulled_target import PulledTarget

NAMES = ("rayleigh", "trace_normalized", "unbiased")


@dataclass(frozen=True)
class GradientAlignment:
    """The first three of the five alignments, as `Alignment` has them (docs/notation.md).

    >>> found = alignment_from_gradient(torch.nn.Linear(2, 1, bias=False), torch.eye(2), [1.0, 1.0])
    >>> found.rayleigh, found.trace_normalized, found.unbiased, found.trace
    (1.0, 0.5, 0.0, 2.0)
    """

    rayleigh: float
    trace_normalized: float
    unbiased: float
    trace: float
    """tr K for one output."""
    intervals: Mapping[str, Jackknife]
    """Of each of the three over rows, by name; empty where they were not asked."""
    estimation_errors: Mapping[str, float]
    """Standard error of each of the three from an estimated diagonal; 0 where it was computed."""


def alignment_from_gradient(
    model: Any,
    x: Inputs,
    y: Any,
    *,
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    samples: int | None = None,
    intervals: bool = True,
    level: float = 0.95,
    seed: int = 0,
    memory: int | str = "1GiB",
    progress: Callable[[int, int], None] | None = None,
) -> GradientAlignment:
    """`alignment(ntk(model, x, outputs=outputs), y)` in its first three numbers, for any n.

    Parameters
    ----------
    model, parameters, mode, dtype: as for `ntk`; the module is never modified
    y: (n, c) for the full kernel of c outputs, yᵀKy = Σ y_ik Θ_ijkl y_jl and tr K that of one output on average. For
        a network of one output, and for `outputs` one of "trace", "mean", "sum" or an index, K is (n, n): y is (n,)
        or (n, r) and quantities sum over its columns. Targets are taken as they are: pass ±1 or centred ones
    samples: estimate the diagonal's two sums from so many products with random vectors (`trace_estimate`, Hutchinson
        with the leading directions removed) instead of c backward passes a row; worth it where c is large. Then there
        are no intervals over rows, and `estimation_errors` are those of the estimate
    intervals: whether to take the pass with tangents that the jackknife over rows needs, at the `level`
    memory: bounds the gradients of a block of rows
    progress: called with (rows done, rows in all) of the diagonal

    Cost: a forward and 1 + c backward passes and one pass with tangents over the rows; memory of 128 rows of training
    and of one gradient. Errors: as `ntk`; `ShapeError` for a y that does not fit; `DataError` for one that is zero, a
    single row, or a kernel without a trace.

    >>> x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    >>> found = alignment_from_gradient(torch.nn.Linear(2, 1, bias=False), x, [1.0, -1.0, 1.0])
    >>> round(found.rayleigh, 6), round(found.unbiased, 6), found.trace         # Xᵀy = (2, −1), ‖Xᵀy‖² = 5
    (1.666667, -0.333333, 7.0)
    >>> found.intervals["unbiased"].bias
    0.0
    """
    pair = PulledTarget.of(
        model, x, y, outputs=outputs, parameters=parameters, mode=mode, dtype=dtype, memory=memory
    )
    pulled = pair.pull()
    form = sum(pair.forms(pulled).values())
    if samples is not None:
        own, trace = _estimated(pair, samples=samples, seed=seed)
        return _found(pair, form, own=own, trace=trace, intervals={})
    blocks = own_kernels(
        pair.network, pair.rows.x, outputs=pair.rows.flavour.name, memory=memory, progress=progress
    )
    together = torch.stack(list(blocks.values())).sum(0)
    own, diagonal = pair.own_shares(together), pair.diagonal(together)
    exact = [TraceEstimate(float(part.sum()), 0.0, 0) for part in (own, diagonal)]
    _refuse(pair, exact[1].value)
    found: dict[str, Jackknife] = {}
    if intervals:
        shares = pair.row_shares(pulled)
        rounding = form / float(shares.sum()) if float(shares.sum()) else 1.0  # of the sum over rows in float32
        found = jackknives(rounding * shares, own, diagonal, pair.energies, level=level)
    return _found(pair, form, own=exact[0], trace=exact[1], intervals=found)


def jackknives(
    shares: Tensor, own: Tensor, diagonal: Tensor, energies: Tensor, *, level: float = 0.95
) -> dict[str, Jackknife]:
    """Of the three alignments over n rows, from what each row has in their sums, all (n,): y_i (Ky)_i, y_i² K_ii, its
    part of tr K, and y_i².

    Without row i, yᵀKy loses 2 y_i (Ky)_i − y_i² K_ii.

    >>> ones = torch.ones(3, dtype=torch.float64)
    >>> jackknives(3 * ones, ones, ones, ones)["unbiased"].value                     # K and y all ones
    1.0
    """
    form, trace, energy = (float(part.sum()) for part in (shares, diagonal, energies))
    rayleigh = (form - 2 * shares + own) / (energy - energies)
    return {
        "rayleigh": jackknife(form / energy, rayleigh, level=level),
        "trace_normalized": jackknife(form / energy / trace, rayleigh / (trace - diagonal), level=level),
        "unbiased": u_statistic(shares, own, level=level),
    }


def u_statistic(shares: Tensor, own: Tensor, *, level: float = 0.95) -> Jackknife:
    """Of `unbiased` alone, from y_i (Ky)_i and y_i² K_ii of n rows, (n,).

    >>> u_statistic(3 * torch.ones(3), torch.ones(3)).value
    1.0
    """
    n, shares, own = len(shares), shares.double(), own.double()
    pairs = (n - 1) * (n - 2) if n > 2 else float("nan")
    without = shares.sum() - own.sum() - 2 * (shares - own)
    found = jackknife(float(shares.sum() - own.sum()) / (n * (n - 1)), without / pairs, level=level)
    if found.bias == found.bias:  # what is left of it is rounding
        return Jackknife(**{**vars(found), "bias": 0.0})
    return found


def _found(
    pair: PulledTarget,
    form: float,
    *,
    own: TraceEstimate,
    trace: TraceEstimate,
    intervals: Mapping[str, Jackknife],
) -> GradientAlignment:
    _refuse(pair, trace.value)
    n, energy = pair.rows.count, float(pair.energies.sum())
    rayleigh = form / energy
    errors = {
        "rayleigh": 0.0,
        "trace_normalized": rayleigh / trace.value**2 * trace.standard_error,
        "unbiased": own.standard_error / (n * (n - 1)),
    }
    return GradientAlignment(
        rayleigh=rayleigh,
        trace_normalized=rayleigh / trace.value,
        unbiased=(form - own.value) / (n * (n - 1)),
        trace=trace.value,
        intervals=intervals,
        estimation_errors=errors,
    )


def _refuse(pair: PulledTarget, trace: float) -> None:
    n = pair.rows.count
    if n < 2 or trace <= 0:
        raise DataError(
            f"The kernel of {n} row{'s' * (n != 1)} has trace {trace:.3g}: its alignment is not defined.",
            remedy="Pass two rows or more, of a network whose outputs move with its parameters.",
        )


def _estimated(pair: PulledTarget, *, samples: int, seed: int) -> tuple[TraceEstimate, TraceEstimate]:
    """Σ_i ⟨y_i, K_ii y_i⟩ and the trace of one output, from products alone."""
    K = KernelOperator.of(pair.network, pair.rows.x, outputs=pair.rows.flavour.name, memory=pair.rows.budget)
    n, y, size = pair.rows.count, pair.target.to(K.dtype), pair.rows.size
    full = pair.rows.flavour.contraction == "full"

    def weighted(vectors: Tensor) -> Tensor:
        """What has ⟨y_i, K_ii y_i⟩ on its diagonal, times vectors (n, r)."""
        V = vectors.to(K.dtype)
        if full:
            inner = K((y[:, :, None] * V[:, None, :]).flatten(0, 1)).reshape(n, y.shape[1], -1)
            return (y[:, :, None] * inner).sum(1)
        return torch.stack([column[:, None] * K(column[:, None] * V) for column in y.T]).sum(0)

    def map_of(count: int, apply: Callable[[Tensor], Tensor]) -> LinearMap:
        rounding = float(torch.finfo(K.dtype).eps)
        return LinearMap(count, K.dtype, K.device, apply, rounding)

    whole = trace_estimate(map_of(size, lambda V: K(V.to(K.dtype))), samples=samples, seed=seed)
    outputs = pair.rows.flavour.outputs if full else 1
    trace = TraceEstimate(whole.value / outputs, whole.standard_error / outputs, whole.products)
    energies = pair.energies
    if not full and bool((energies == energies[0]).all()):
        e = float(energies[0])
        return TraceEstimate(e * trace.value, e * trace.standard_error, 0), trace
    return trace_estimate(map_of(n, weighted), samples=samples, seed=seed), trace
