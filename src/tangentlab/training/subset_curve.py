"""The learning curve of kernel regression on the rows of one Gram: fitted on random n of N rows, tried on the others.

Unbiased for the error on a new row after learning from n rows, at every n < N; at n = N every row is left out in turn.
It needs the Gram alone: with the kernel of a network at initialization it is what the linearization will reach, known
before anything is trained. A row left out alone takes its class's share along: where the kernel tells little, the fit
leans to the other classes and decides against it, for balanced classes every time (a known bias of leave-one-out, which
leaving out pairs does not have: Airola et al. 2009). With classes, decisions at n = N are therefore those of fits
without a row of each class. `sampled` says how far it would move with other rows:

    variance = var over rows of their mean errors / N  +  (n/N + 1/R) · V

the first for the rows it was tried on, the second for those it learnt from: a mean over subsets is a U-statistic, whose
variance is about n/N of that of one subset (Hoeffding 1948). V is the variance of the R splits' mean errors, less what
comes of each having tried another N − n of the N rows, v (1/(N − n) − 1/N) for a variance v of single rows' errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError
from tangentlab._seeds import generator, numpy_generator
from tangentlab._shapes import expect_whole_number
from tangentlab.data import stratified_order
from tangentlab.linalg import expect_positive, expect_ridge, negative_band, rounding_of, spectral_norm, symmetric
from tangentlab.training.anchored_targets import AnchoredTargets
from tangentlab.training.leave_one_out import left_out_residuals

Progress = Callable[[int, int], None]


class Errors(NamedTuple):
    """`rows` (s, N): the mean over splits of each row's error when it was held out, nan where it never was. `splits`
    (s, R): the mean error of each split, nan at n = N, where rows are left out one at a time. `variance` (s,): that of
    single rows' errors in one split.
    """

    rows: np.ndarray
    splits: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True, eq=False)
class SubsetCurve:
    """What was found at each of s sizes.

    `mse`, for the squared error averaged over outputs, and `error`, for the share of wrong decisions (None where
    nothing is decided), are `Errors`.

    >>> found = subset_curve(torch.eye(4), [1.0, 1.0, 1.0, 1.0], samples=[2, 4])
    >>> found.mean(found.mse).tolist()                             # such a kernel tells nothing of other rows
    [1.0, 1.0]
    """

    samples: np.ndarray
    ridges: np.ndarray
    rows: int
    splits: int
    seed: int
    mse: Errors
    error: Errors | None

    def mean(self, errors: Errors) -> np.ndarray:
        """The curve (s,): the mean over splits, or over all rows left out one at a time."""
        whole = self.samples == self.rows
        return np.where(whole, np.nanmean(errors.rows, 1), np.where(whole[:, None], 0.0, errors.splits).mean(1))

    def sampled(self, errors: Errors, *, draws: int) -> np.ndarray:
        """Curves (draws, s) such as other rows of the same kind would give.

        Rows are resampled, and the means of the splits combined with normal weights; the same draws for all curves of
        as many rows and splits with one seed, so that differences between two curves keep what they share.
        """
        source = numpy_generator(self.seed, "subset_curve draws", self.rows, self.splits)
        weights = source.multinomial(self.rows, np.full(self.rows, 1 / self.rows), size=draws).astype(float)
        normal = source.standard_normal((draws, self.splits))
        seen = ~np.isnan(errors.rows)
        filled = np.where(seen, errors.rows, 0.0)
        moved = (weights @ filled.T) / np.maximum(weights @ seen.T, 1.0) - filled.sum(1) / seen.sum(1)
        whole = self.samples == self.rows
        means = np.where(whole[:, None], 0.0, errors.splits)
        spread = means - means.mean(1, keepdims=True)
        share, tried = self.samples / self.rows, np.maximum(self.rows - self.samples, 1)
        total = spread.var(1, ddof=1)
        others = errors.variance * (1 / tried - 1 / self.rows)
        own = np.divide(np.maximum(total - others, 0.0), total, out=np.zeros_like(total), where=total > 0)
        learnt = normal @ spread.T * np.sqrt((share + 1 / self.splits) * own / (self.splits - 1))
        learnt = _at_all_rows(learnt, self.samples, rows=self.rows)
        return self.mean(errors) + moved + learnt


def subset_curve(
    K: Any,
    y: Any,
    f0: Any = None,
    *,
    samples: Iterable[int],
    ridge: float | Iterable[float] = 0.0,
    decides: bool = False,
    splits: int = 20,
    strata: Tensor | None = None,
    seed: int = 0,
    rounding: float | None = None,
    progress: Progress | None = None,
) -> SubsetCurve:
    """Errors of the regression of y − f0 on a shared K (N, N), learnt from each of `samples` rows. O(R Σ n³/3 + N³).

    Targets y (N,) or (N, c), outputs f0 likewise. `ridge` is absolute, one for all sizes or one for each. `decides`
    reads y as codes: the sign of one output, the largest of several. With `strata`, classes of the rows (N,), every
    subset keeps their shares; those of a split are nested, and decisions at n = N are made leaving out as many rows
    together as there are classes, in an order that keeps the shares. `rounding` as in `KernelRegression`; a ridge below
    the noise that it leaves in the eigenvalues counts as that noise.

    >>> curve = subset_curve(torch.ones(6, 6), torch.ones(6), samples=[1, 3], ridge=0.5, decides=True)
    >>> curve.mean(curve.mse).round(6).tolist(), curve.mean(curve.error).tolist()        # (ridge/(n + ridge))²
    ([0.111111, 0.020408], [0.0, 0.0])
    """
    rounding = rounding_of(K) if rounding is None else rounding
    data = AnchoredTargets.of(K, y, f0=f0)
    if data.blocks.form != "shared":
        raise ArgumentError(
            "K", expected="one kernel for all outputs, (N, N)", got=data.blocks.form, remedy="Take outputs='mean'."
        )
    matrix, total = symmetric(data.blocks.systems[0], rounding=rounding), data.blocks.rows
    band = negative_band(matrix, rounding=rounding)
    expect_positive(matrix, band=band)
    floor = max(total * np.finfo(float).eps, rounding) * spectral_norm(matrix)
    sizes = [int(n) for n in samples]
    if total < 2 or not sizes or min(sizes) < 1 or max(sizes) > total:
        raise ArgumentError(
            "samples",
            expected=f"sizes from 1 to {total}, one or more",
            got=str(sizes),
            remedy="Try samples=[10, 30].",
        )
    splits = expect_whole_number("splits", splits, least=2, remedy="Try splits=20.")
    ridges = [float(ridge)] * len(sizes) if isinstance(ridge, (int, float)) else [float(each) for each in ridge]
    if len(ridges) != len(sizes):
        raise ArgumentError("ridge", expected=f"one, or {len(sizes)}", got=str(len(ridges)), remedy="Give one.")
    for each in ridges:
        expect_ridge(each)
    if strata is not None and len(strata) != total:
        raise DataError(f"There are {len(strata)} classes for {total} rows.", remedy="Give one class a row.")
    orders = [_order(total, strata, seed=seed, split=r).to(matrix.device) for r in range(splits)]
    rows, means = (np.full((2, len(sizes), width), np.nan) for width in (total, splits))
    variance = np.zeros((2, len(sizes)))
    for i, (n, each) in enumerate(zip(sizes, ridges)):
        shift = max(each, floor) or 1.0  # a kernel of zeros predicts zero with any
        if n == total:
            groups = _groups(strata, seed=seed) if decides and strata is not None else None
            rows[:, i] = _left_out(data, matrix, shift=shift, decides=decides, groups=groups)
        else:
            rows[:, i], means[:, i], variance[:, i] = _held_out(
                data, matrix, n=n, shift=shift, orders=orders, decides=decides
            )
        if progress is not None:
            progress(i + 1, len(sizes))
    mse, error = (Errors(rows[k], means[k], variance[k]) for k in (0, 1))
    return SubsetCurve(np.array(sizes), np.array(ridges), total, splits, seed, mse, error if decides else None)


def _order(total: int, strata: Tensor | None, *, seed: int, split: int) -> Tensor:
    source = generator(seed, "subset_curve", split)
    if strata is None:
        return torch.randperm(total, generator=source)
    return stratified_order(strata.cpu().long(), generator=source)


def _held_out(
    data: AnchoredTargets, K: Tensor, *, n: int, shift: float, orders: list[Tensor], decides: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean errors (2, N) of the rows and (2, R) of the splits, and the variance of single ones, by Cholesky factors."""
    total = len(K)
    sums, counts, means, spread = np.zeros((2, total)), np.zeros(total), [], []
    for order in orders:
        seen, new = order[:n], order[n:]
        part = K[seen][:, seen]
        part.diagonal().add_(shift)
        alpha = torch.cholesky_solve(data.residual[seen].to(part), torch.linalg.cholesky(part))
        f = data.outputs[new] + K[new][:, seen] @ alpha
        wrong = _errors(f, data.targets[new], decides=decides)
        places = new.cpu().numpy()
        sums[:, places] += wrong
        counts[places] += 1
        means.append(wrong.mean(1))
        spread.append(wrong.var(1))
    by_row = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return by_row, np.stack(means, 1), np.mean(spread, 0)


def _groups(strata: Tensor, *, seed: int) -> list[Tensor]:
    """Rows to leave out together, as many as there are classes, in a stratified order; the remainder apart."""
    order, size = _order(len(strata), strata, seed=seed, split=0), len(strata.unique())
    whole = len(order) // size * size
    return [part for part in (order[:whole].reshape(-1, size), order[whole:][None]) if part.numel()]


def _left_out(
    data: AnchoredTargets, K: Tensor, *, shift: float, decides: bool, groups: list[Tensor] | None
) -> np.ndarray:
    """Errors (2, N) at n = N, from one factor: squared ones of rows left out in turn, decisions of groups if any."""
    whole = K.clone()
    whole.diagonal().add_(shift)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(whole))
    alpha = inverse @ data.residual.to(inverse)
    missed = left_out_residuals(data.blocks, alpha, inverse.diagonal()[None, :, None, None])
    errors = _errors(data.targets - missed, data.targets, decides=decides)
    if groups is not None:
        for group in (each.to(alpha.device) for each in groups):  # y − f without the rows S: (G_SS)⁻¹ α_S
            together = inverse[group[:, :, None], group[:, None, :]]
            missed[group] = torch.linalg.solve(together, alpha[group]).to(missed)
        errors[1] = _errors(data.targets - missed, data.targets, decides=True)[1]
    return errors


def _errors(f: Tensor, y: Tensor, *, decides: bool) -> np.ndarray:
    """Squared errors and wrong decisions of rows, (2, m)."""
    square = (f - y).square().mean(1)
    if not decides:
        return torch.stack([square, torch.full_like(square, torch.nan)]).cpu().numpy()
    wrong = (f[:, 0] > 0) != (y[:, 0] > 0) if f.shape[1] == 1 else f.argmax(1) != y.argmax(1)
    return torch.stack([square, wrong.to(square)]).cpu().numpy()


def _at_all_rows(learnt: np.ndarray, samples: np.ndarray, *, rows: int) -> np.ndarray:
    """At n = N there are no splits: what they moved at the largest size below stands for it."""
    inner = np.flatnonzero(samples < rows)
    if len(inner):
        nearest = inner[samples[inner].argmax()]
        learnt[:, samples == rows] = learnt[:, nearest : nearest + 1]
    return learnt
