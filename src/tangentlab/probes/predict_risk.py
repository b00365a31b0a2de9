"""The risk of kernel regression on n samples, predicted from a Gram and its targets: eigenlearning on real data.

λ_i = (eigenvalue of the Gram of N rows)/N and v_i² = (v_iᵀy)²/N stand for the population's. That takes the N rows for
all there is, which is right while n ≪ N. Beyond, a part n/N of that "population" has been learnt from, and `test_mse`
is too good by about N/(N − n) (two at n = N/2). `held_out_mse` is the error on rows that are not among the n; it is
without that bias at any n ≤ N, and at n = N is generalized cross-validation (see `equivalent_ridge`).

Both inherit what the Gram does not tell: its N rows are a sample themselves, and another one gives another curve, as
much as test errors on N rows differ (`predict` draws that band by leaving rows out).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.kernels import Gram
from tangentlab.linalg import (
    Eigenpairs,
    KernelBlocks,
    as_columns,
    block_eigenpairs,
    expect_ridge,
    floating_tensor,
    noise_floor,
    refuse_negative,
    rounding_of,
)
from tangentlab.probes.eigenlearning import PredictedRisk, eigenlearning, sample_sizes
from tangentlab.probes.equivalent_ridge import equivalent_ridge
from tangentlab.probes.kernel_target import refuse_zero


def predict_risk(
    K: Any,
    y: Any,
    *,
    samples: int | Iterable[int],
    ridge: float = 0.0,
    noise: float = 0.0,
    trace: float | None = None,
    rounding: float | None = None,
) -> PredictedRisk:
    """Learnabilities and expected errors of kernel regression on `samples` of the N rows of K, one number or several.

    K is a Gram (N, N) for y (N,) or (N, c), one kernel for all outputs; a full kernel (N, N, c, c), whose N·c entries
    of y count as rows and c·n as samples; or `Eigenpairs` of either, of which the first k are enough: the rest of the
    `trace` of K (0 unless given) is spread evenly over the other eigenvalues and what the target has outside of the
    pairs over their directions, which is exact while these are small beside κ.

    With a bias, pass y − f0. `ridge` is absolute, as in `KernelRegression`; `noise` is the variance of label noise that
    y does not hold yet. O(N³) for a matrix, then O(N) a size.

    >>> import torch
    >>> risk = predict_risk(4 * torch.eye(4), [1.0, -1.0, 1.0, -1.0], samples=2)
    >>> round(risk.kappa, 9), risk.learnabilities.round(9).tolist(), round(risk.test_mse, 9), risk.train_mse
    (1.0, [0.5, 0.5, 0.5, 0.5], 0.5, 0.0)
    >>> round(risk.held_out_mse, 9)           # half of the rows are known by heart, nothing of the others
    1.0
    """
    expect_ridge(ridge)
    values, energies, floor, stride = _modes(K, y, trace=trace, rounding=rounding)
    total = len(values)
    n, single = sample_sizes(samples, most=total // stride)
    sizes = [int(each) * stride for each in n]
    scale = _power_of_two(max(float(values.max()), float(ridge)))  # no error depends on it, but squares overflow
    values, floor, share = values / scale, floor / scale, float(ridge) / scale
    risk = eigenlearning(
        np.where(values > floor, values, 0.0) / total,
        energies / total,
        samples=sizes[0] if single else sizes,
        ridge=share,
        noise=noise,
    )
    held_out = equivalent_ridge(
        values, energies + noise, samples=np.array(sizes, dtype=float), ridge=share, floor=floor
    ).held_out_mse
    return replace(
        risk,
        samples=int(n[0]) if single else n.astype(int),
        ridge=float(ridge),
        kappa=risk.kappa * scale,
        held_out_mse=float(held_out[0]) if single else held_out,
    )


def _modes(
    K: Any, y: Any, *, trace: float | None, rounding: float | None
) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Eigenvalues (N,), energies of the target in their directions, noise floor, and entries of y for a row."""
    targets = as_columns("y", y).double()
    refuse_zero(targets)
    n, c = targets.shape
    if isinstance(K, Eigenpairs):
        if K.vectors.ndim != 2 or len(K.values) != K.vectors.shape[1] or len(K.vectors) not in (n, n * c):
            raise ShapeError(
                "K",
                expected=f"eigenpairs with vectors of length {n}" + (f" or {n * c}" if c > 1 else ""),
                got=f"values {tuple(K.values.shape)} and vectors {tuple(K.vectors.shape)}",
                remedy="Pass eigenpairs(K) of the kernel of these rows.",
            )
        stride = len(K.vectors) // n
        side = targets.reshape(-1, 1) if stride > 1 else targets
        values, coordinates = K.values.double(), K.vectors.double().mT @ side.to(K.vectors.device)
        band = 30 * len(values) * (rounding or rounding_of(K.values)) * float(values.abs().max())
        refuse_negative(values, band=band)
        rounding = rounding or rounding_of(K.values)
    else:
        if trace is not None:
            raise ArgumentError(
                "trace", expected="left out for a whole kernel", got=repr(trace), remedy="It is for eigenpairs."
            )
        K = K.values if isinstance(K, Gram) else K
        rounding = rounding or rounding_of(K)
        blocks = KernelBlocks.of(K, outputs=c)
        if blocks.form == "diagonal":
            raise ShapeError(
                "K",
                expected="one kernel for all outputs, (N, N), or a full one, (N, N, c, c)",
                got=str(tuple(floating_tensor("K", K).shape)),
                remedy="Predict each output by itself: predict_risk(K[:, :, k], y[:, k], ...).",
            )
        as_columns("y", y, rows=blocks.rows)
        pairs = block_eigenpairs(blocks, outputs=c, rounding=rounding)
        stride, values, coordinates = blocks.stride, pairs.values[0], pairs.project(targets)[0]
    if not float(values.max()) > 0:
        raise DataError(
            "`K` has no positive eigenvalue: no regression learns anything with it.", remedy="Check its anchor."
        )
    columns = coordinates.shape[1]
    floor = float(noise_floor(values, rounding=rounding))
    found = values.clamp_min(0).cpu().numpy()
    energies = (coordinates**2).sum(1).cpu().numpy() / columns
    rest = n * stride - len(found)
    if not rest:
        return found, energies, floor, stride
    outside = max(float((targets**2).sum()) / columns - float(energies.sum()), 0.0)
    tail = _tail(trace, found=float(found.sum()), least=float(found.min()), count=rest)
    return np.append(found, np.full(rest, tail)), np.append(energies, np.full(rest, outside / rest)), floor, stride


def _power_of_two(number: float) -> float:
    """That at or just below a positive number: divided out, it changes no digit."""
    return math.ldexp(1.0, math.frexp(number)[1] - 1)


def _tail(trace: float | None, *, found: float, least: float, count: int) -> float:
    """The eigenvalue of each direction that no pair was given for."""
    if trace is None:
        return 0.0
    if not isinstance(trace, numbers.Real) or not found * (1 - 1e-6) <= trace < np.inf:
        raise ArgumentError(
            "trace",
            expected=f"that of the whole kernel, at least the sum of the eigenvalues given, {found:.6g}",
            got=repr(trace),
            remedy="Pass K.trace().",
        )
    return min(max(trace - found, 0.0) / count, least)
