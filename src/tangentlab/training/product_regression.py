"""Kernel regression on a kernel known by its products: conjugate gradients where Cholesky does not fit.

    α = (K + ridge I)⁻¹ (y − f0)          f(x) = f0(x) + K(x, X) α

K is tiles in memory or on disk, an operator, or a matrix too large to factor: n³ / 3 operations and a float64 copy are
replaced by a product with K for each iteration, and by one product with some hundred vectors for the preconditioner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, NumericalError, ShapeError
from tangentlab.linalg import (
    IterativeSolution,
    LinearMap,
    LowRank,
    TraceEstimate,
    as_columns,
    effective_dimension,
    floating_tensor,
)
from tangentlab.training.anchored_prediction import anchored_prediction
from tangentlab.training.conjugate_gradient import ConjugateGradient
from tangentlab.training.ridge_path import RidgePath, expect_squares, generalized_cross_validation


@dataclass(frozen=True, eq=False)
class FittedByProducts:
    """A kernel regression fitted by products with K: predicts, and leaves out chosen rows.

    `solution` holds α shaped as y, the relative residual of each system as measured, the iterations, and a sentence
    of `doubt` where the tolerance was not met. What needs the inverse or all eigenvalues is refused.

    >>> from tangentlab.linalg import SymmetricTiles
    >>> K = SymmetricTiles.of([(0, 0, torch.tensor([[1.0, 0.0], [0.0, 3.0]]))])
    >>> fit = FittedByProducts.of(K, torch.tensor([2.0, 8.0]), None, ridge=1.0)
    >>> [round(a, 6) for a in fit.coefficients.tolist()], fit.predict([[1.0, 1.0]]).round(decimals=6).tolist()
    ([1.0, 2.0], [3.0])
    """

    ridge: float
    map: LinearMap = field(repr=False)
    form: str
    """"shared" by all outputs, or "full": of size n·c, row index i·c + k."""
    targets: Tensor = field(repr=False)
    """y (n, c), float64."""
    centred: bool
    is_vector: bool
    solver: ConjugateGradient
    low: LowRank | None = field(repr=False)
    solution: IterativeSolution

    @staticmethod
    def of(
        K: Any,
        y: Any,
        f0: Any,
        *,
        ridge: float,
        rounding: float | None = None,
        solver: ConjugateGradient | None = None,
    ) -> FittedByProducts:
        """Fit y − f0 for a kernel of size n, shared by all c outputs, or n·c, coupling them. See `KernelRegression`.

        >>> FittedByProducts.of(torch.eye(3), torch.ones(2), None, ridge=1.0)
        Traceback (most recent call last):
        tangentlab._errors.ShapeError: `K` must be of size 2, as y has rows, got 3. Use the kernel of ...
        """
        linear, solver = LinearMap.of(K, rounding=rounding), solver or ConjugateGradient()
        given = floating_tensor("y", y)
        targets = as_columns("y", given).to(dtype=torch.float64, device=linear.device)
        n, c = targets.shape
        if targets.numel() == 0:
            raise DataError("There are no training rows.", remedy="Pass one row or more.")
        if linear.size not in (n, n * c):
            raise ShapeError(
                "K",
                expected=f"of size {n}, as y has rows" + (f", or {n * c} for all its outputs" if c > 1 else ""),
                got=str(linear.size),
                remedy="Use the kernel of the training rows with themselves.",
            )
        form = "shared" if linear.size == n else "full"
        residual = targets if f0 is None else targets - as_columns("f0", f0, rows=n, outputs=c).to(targets)
        low = solver.prepared(linear, ridge=ridge)
        found = solver.solve(linear, residual.reshape(linear.size, -1), ridge=ridge, low=low)
        solution = replace(found, value=found.value.reshape(given.shape))
        return FittedByProducts(ridge, linear, form, targets, f0 is None, given.ndim == 1, solver, low, solution)

    @property
    def coefficients(self) -> Tensor:
        """α, shaped as y, float64."""
        return self.solution.value

    def predict(self, K_test: Any, f0_test: Any = None) -> Tensor:
        """f0_test + K_test α for K_test (m, n), or (m, n, c, c) for a kernel that couples outputs; shaped as y.

        >>> fit = FittedByProducts.of(torch.eye(2), torch.tensor([1.0, 2.0]), None, ridge=1.0)
        >>> fit.predict(torch.eye(2)).round(decimals=6).tolist()
        [0.5, 1.0]
        """
        outputs = anchored_prediction(K_test, self._columns, f0_test, centred=self.centred, form=self.form)
        return outputs[:, 0] if self.is_vector else outputs

    def leave_one_out_at(self, rows: Sequence[int] | Tensor) -> Tensor:
        """The prediction at each of `rows` by the fit without it, all its outputs left out together; shaped as y[rows].

        As exact as the tolerance, for one solve a row (c for a kernel that couples outputs), all in one block. Rows
        drawn at random estimate the leave-one-out error of all, with the standard error of a mean.

        >>> fit = FittedByProducts.of(torch.eye(3), torch.tensor([1.0, 2.0, 3.0]), None, ridge=1.0)
        >>> fit.leave_one_out_at([0, 2]).abs().round(decimals=6).tolist()
        [0.0, 0.0]
        """
        n, c = self.targets.shape
        index = torch.as_tensor(rows, dtype=torch.long, device=self.targets.device).reshape(-1)
        if len(index) == 0 or int(index.min()) < 0 or int(index.max()) >= n:
            raise ArgumentError(
                "rows", expected=f"row numbers from 0 to {n - 1}", got=str(index.tolist()), remedy="Try range(10)."
            )
        stride = self.map.size // n
        places = (index[:, None] * stride + torch.arange(stride, device=index.device)).flatten()
        units = torch.zeros(self.map.size, len(places), dtype=torch.float64, device=self.targets.device)
        units[places, torch.arange(len(places), device=index.device)] = 1.0
        inverse = self.solver.solve(self.map, units, ridge=self.ridge, low=self.low).value
        squares = inverse[places].reshape(len(index), stride, len(index), stride)
        own = squares.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        alpha = self._columns[index].reshape(len(index), stride, -1)
        missed = torch.linalg.solve(own, alpha).reshape(len(index), c)
        left_out = self.targets[index] - missed
        return left_out[:, 0] if self.is_vector else left_out

    @property
    def leave_one_out(self) -> Tensor:
        """Refused: it needs the diagonal of the inverse, n solves; see `leave_one_out_at`."""
        raise self._needs_all(
            "The leave-one-out predictions of all rows need", "Take some: leave_one_out_at(rows)."
        )

    @property
    def leave_one_out_residuals(self) -> Tensor:
        """Refused, as `leave_one_out`."""
        return self.leave_one_out

    @property
    def gcv(self) -> float:
        """Refused: it needs the trace of the inverse, exactly; see `gcv_estimate`."""
        raise self._needs_all(
            "Generalized cross-validation needs the trace of",
            "Estimate it, gcv_estimate(samples=100), or leave some rows out: leave_one_out_at(rows).",
        )

    def gcv_estimate(self, *, samples: int | None = 100, seed: int = 0) -> TraceEstimate:
        """Generalized cross-validation from `samples` solves with random vectors, with its standard error.

        tr (K + ridge I)⁻¹ = (N − effective dimension)/ridge, whose estimate has an error e; that of GCV, which goes as
        one over its square, is 2 e/(N − effective dimension) of it. Refused without a ridge, and where the error of
        the dimension is more than a tenth of what is left beside it.

        >>> fit = FittedByProducts.of(torch.eye(2), torch.tensor([1.0, 2.0]), None, ridge=1.0)
        >>> round(fit.gcv_estimate().value, 6)
        2.5
        """
        expect_squares("y", self.targets)
        dimension = effective_dimension(
            self.map,
            self.ridge,
            samples=samples,
            preconditioner=self.low,
            tolerance=self.solver.tolerance,
            seed=seed,
        )
        left = self.map.size - dimension.value
        if left <= 10 * dimension.standard_error:
            raise NumericalError(
                f"The effective dimension is {dimension.value:.6g} ± {dimension.standard_error:.2g} of "
                f"{self.map.size}: what is left of the rows, which cross-validation divides by, drowns in that error.",
                remedy="Use a larger ridge or more samples, or leave some rows out: leave_one_out_at(rows).",
            )
        value = generalized_cross_validation(self._columns, trace=left / self.ridge, size=self.map.size)
        return TraceEstimate(value, 2 * value * dimension.standard_error / left, dimension.products)

    def path(self, ridges: Any) -> RidgePath:
        """Refused: it needs all eigenvalues."""
        raise self._needs_all(
            "A path of ridges needs all eigenpairs and", "Fit at each ridge, and compare leave_one_out_at(rows)."
        )

    def _needs_all(self, what: str, remedy: str) -> NumericalError:
        return NumericalError(
            f"{what} the inverse of K + ridge I, which was solved by products and never formed.", remedy=remedy
        )

    @property
    def _columns(self) -> Tensor:
        return self.solution.value.reshape(self.targets.shape)
