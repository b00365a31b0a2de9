"""Kernel ridge regression on a Gram: the end of training a linearized network on squared loss.

    α = (K + ridge I)⁻¹ (y − f0)          f(x) = f0(x) + K(x, X) α

The ridge is absolute, as in scikit-learn's `KernelRidge(alpha=ridge, kernel="precomputed")`. Everything is
solved in float64, with the residual, the condition and any jitter reported in `.solution`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from torch import Tensor

from tangentlab.linalg import (
    NumericalWarning,
    PositiveFactor,
    Solution,
    block_eigenpairs,
    diagonal_blocks,
    expect_ridge,
    factor_positive,
    rounding_of,
)
from tangentlab.linalg.linear_map import is_matrix_free
from tangentlab.training.anchored_targets import AnchoredTargets
from tangentlab.training.conjugate_gradient import ConjugateGradient
from tangentlab.training.leave_one_out import left_out_residuals
from tangentlab.training.product_regression import FittedByProducts
from tangentlab.training.ridge_path import RidgePath, expect_squares, generalized_cross_validation, ridge_path
from tangentlab.training.unfitted import unfitted


@dataclass(frozen=True)
class KernelRegression:
    """Kernel ridge regression, (K + ridge I) α = y − f0, with an absolute `ridge`; 0 interpolates.

    >>> K, y = torch.tensor([[1.0, 0.0], [0.0, 3.0]]), torch.tensor([2.0, 8.0])
    >>> fit = KernelRegression(ridge=1.0).fit(K, y)
    >>> fit.coefficients.tolist(), fit.predict([[1.0, 1.0]]).tolist()
    ([1.0, 2.0], [3.0])
    """

    ridge: float = 1e-3

    def __post_init__(self):
        expect_ridge(self.ridge)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str):
            raise unfitted(self, name, FittedKernelRegression)

    @overload
    def fit(
        self, K: Tensor | np.ndarray, y: Any, f0: Any = None, *, rounding: float | None = None, solver: None = None
    ) -> FittedKernelRegression: ...

    @overload
    def fit(
        self,
        K: Any,
        y: Any,
        f0: Any = None,
        *,
        rounding: float | None = None,
        solver: ConjugateGradient | None = None,
    ) -> FittedKernelRegression | FittedByProducts: ...

    def fit(self, K: Any, y: Any, f0: Any = None, *, rounding: float | None = None, solver: Any = None) -> Any:
        """Fit y − f0 on the Gram K of the n training rows; y (n,) or (n, c), f0 likewise (None: centred). O(n³).

        K is (n, n), one kernel for all outputs; (n, n, c), one for each; or (n, n, c, c), coupling them. One that
        is not finite, not symmetric or not positive semidefinite beyond rounding is refused; one that is singular
        to rounding gets the least jitter that works, and a warning. `rounding` is the machine epsilon K was
        computed with, by default that of its dtype.

        What is known by its products (`SymmetricTiles`, a tiled Gram, an operator) is solved by preconditioned
        conjugate gradients, a product with K for each iteration; and so is a matrix (n, n) when a `solver` is given,
        with which K takes no memory beside its own. Such a fit leaves out chosen rows instead of all, see
        `FittedByProducts`.

        >>> fit = KernelRegression(ridge=0.0).fit(torch.eye(2), torch.ones(2, 1), torch.full((2, 1), 0.25))
        >>> fit.coefficients.flatten().tolist()
        [0.75, 0.75]
        """
        if solver is not None or is_matrix_free(K):
            return FittedByProducts.of(K, y, f0, ridge=self.ridge, rounding=rounding, solver=solver)
        data = AnchoredTargets.of(K, y, f0=f0)
        blocks = data.blocks
        rounding = rounding_of(K) if rounding is None else rounding
        factors = tuple(factor_positive(one, ridge=self.ridge, rounding=rounding) for one in blocks.systems)
        for doubt in {factor.doubt: None for factor in factors if factor.doubt}:
            warnings.warn(doubt, NumericalWarning, stacklevel=2)
        sides = blocks.pack(data.residual)
        values = torch.stack([factor.solve(side) for factor, side in zip(factors, sides)])
        missed = torch.stack([factor.product(a) - side for factor, a, side in zip(factors, values, sides)])
        scale = float(sides.abs().max()) or 1.0  # squares of targets may not fit into float64
        size = float((sides / scale).norm())
        solution = Solution(
            data.shaped(blocks.unpack(values)),
            residual=float((missed / scale).norm()) / (size or 1.0),
            condition=max(factor.condition for factor in factors),
            jitter=max(factor.jitter for factor in factors),
        )
        return FittedKernelRegression(self.ridge, data, factors, solution, rounding)


@dataclass(frozen=True, eq=False)
class FittedKernelRegression:
    """A fitted kernel regression: predicts, leaves one out exactly, and re-fits at other ridges.

    `solution` holds α shaped as y, the relative residual ‖(K + ridge I) α − (y − f0)‖ / ‖y − f0‖, the worst
    condition and the largest jitter over the systems solved.

    >>> fit = KernelRegression(ridge=1.0).fit(torch.eye(2), torch.tensor([1.0, 2.0]))
    >>> fit.leave_one_out_residuals.round(decimals=12).tolist(), round(fit.gcv, 12)
    ([1.0, 2.0], 2.5)
    """

    ridge: float
    data: AnchoredTargets = field(repr=False)
    factors: tuple[PositiveFactor, ...] = field(repr=False)
    solution: Solution
    rounding: float

    @property
    def coefficients(self) -> Tensor:
        """α, shaped as y, float64."""
        return self.solution.value

    def predict(self, K_test: Any, f0_test: Any = None) -> Tensor:
        """f0_test + K_test α for K_test (m, n), (m, n, c) or (m, n, c, c), the form of K; shaped as y.

        >>> fit = KernelRegression(ridge=1.0).fit(torch.eye(2), torch.tensor([1.0, 2.0]))
        >>> fit.predict(torch.eye(2)).tolist()
        [0.5, 1.0]
        """
        return self.data.predict(K_test, self._columns, f0_test=f0_test)

    @cached_property
    def leave_one_out_residuals(self) -> Tensor:
        """Target minus the prediction of the fit without that row, shaped as y. O(n³) once, no refit."""
        return self.data.shaped(left_out_residuals(self.data.blocks, self._columns, self._diagonal))

    @property
    def leave_one_out(self) -> Tensor:
        """The prediction at each row by the fit without it, f0 included, shaped as y. Exact.

        All outputs of the row are left out together.
        """
        return self.data.shaped(self.data.targets) - self.leave_one_out_residuals

    @cached_property
    def gcv(self) -> float:
        """Generalized cross-validation, an estimate of the mean squared error on a new row (see `ridge_path`).

        Refused where the squares of y - f0 are beyond float64.
        """
        expect_squares("y - f0", self.data.residual)
        diagonal = self._diagonal.diagonal(dim1=2, dim2=3)
        return generalized_cross_validation(self._columns, trace=float(diagonal.sum()), size=diagonal.numel())

    def path(self, ridges: Iterable[float]) -> RidgePath:
        """Train, leave-one-out and GCV errors and degrees of freedom at each of `ridges`. One O(n³) for all.

        >>> fit = KernelRegression().fit(torch.eye(2), torch.tensor([1.0, 2.0]))
        >>> fit.path([1.0, 3.0]).degrees_of_freedom.tolist()
        [1.0, 0.5]
        """
        return ridge_path(self._eigenpairs, self.data.residual, ridges=ridges)

    @cached_property
    def _columns(self) -> Tensor:
        return self.solution.value.reshape(self.data.targets.shape)

    @cached_property
    def _diagonal(self) -> Tensor:
        stride = self.data.blocks.stride
        return torch.cat([diagonal_blocks(factor.inverse()[None], stride=stride) for factor in self.factors])

    @cached_property
    def _eigenpairs(self):
        return block_eigenpairs(self.data.blocks, outputs=self.data.blocks.outputs, rounding=self.rounding)
