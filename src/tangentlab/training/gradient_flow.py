"""Gradient flow of a linearized network on squared loss, in closed form at any time.

With L = (1/n) Σ ½‖f(x_i) − y_i‖², the outputs of the n training rows obey df/dt = −K (f − y)/n, so with
K = V diag(λ) Vᵀ

    f_t    = y + V e^{−λt/n} Vᵀ (f0 − y)                                         training rows
    f_t(x) = f0(x) + K(x, X) a_t,   a_t = V (1 − e^{−λt/n})/λ Vᵀ (y − f0)        any row

and t = η · steps for plain gradient descent with a small rate η. Where λ = 0, Jᵀv = 0: the direction moves no
parameter, and K(x, X) v = 0 for every x, so its factor t/n multiplies nothing. Such directions (at or below the
noise floor of K) are left out of a_t, which makes t = ∞ the ridgeless regression of least norm.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab.linalg import BlockEigenpairs, block_eigenpairs, rounding_of
from tangentlab.training.anchored_targets import AnchoredTargets
from tangentlab.training.unfitted import unfitted


@dataclass(frozen=True)
class GradientFlow:
    """Gradient flow on ½‖f − y‖² averaged over rows, f_t = y + e^{−Kt/n} (f0 − y), from t = 0 to infinity.

    >>> import math
    >>> flow = GradientFlow().fit(torch.eye(2), torch.tensor([1.0, 2.0]))     # n = 2: rate λ/n = 1/2
    >>> flow.predict(torch.eye(2), 2 * math.log(2)).tolist()                  # half-way after 2 log 2
    [0.5, 1.0]
    """

    if not TYPE_CHECKING:

        def __getattr__(self, name: str):
            raise unfitted(self, name, FittedGradientFlow)

    def fit(self, K: Any, y: Any, f0: Any = None, *, rounding: float | None = None) -> FittedGradientFlow:
        """Decompose the Gram K of the n training rows once; K, y, f0 and refusals as in `KernelRegression`. O(n³).

        >>> GradientFlow().fit(torch.eye(2), torch.ones(2)).outputs(0.0).tolist()
        [0.0, 0.0]
        """
        data = AnchoredTargets.of(K, y, f0=f0)
        rounding = rounding_of(K) if rounding is None else rounding
        pairs = block_eigenpairs(data.blocks, outputs=data.blocks.outputs, rounding=rounding)
        return FittedGradientFlow(data, pairs)


@dataclass(frozen=True, eq=False)
class FittedGradientFlow:
    """The flow from f0: any time, any row, at the cost of a product.

    >>> import math
    >>> flow = GradientFlow().fit(4 * torch.eye(2), torch.tensor([1.0, 2.0]))
    >>> flow.coefficients(math.inf).tolist()
    [0.25, 0.5]
    """

    data: AnchoredTargets = field(repr=False)
    pairs: BlockEigenpairs = field(repr=False)

    def coefficients(self, t: float) -> Tensor:
        """a_t, shaped as y: the network at time t is f0 + K a_t, and θ_t = θ0 + Jᵀ a_t.

        >>> import math
        >>> GradientFlow().fit(torch.eye(1), [1.0]).coefficients(math.log(2)).tolist()
        [0.5]
        """
        return self.data.shaped(self._columns(t))

    def outputs(self, t: float) -> Tensor:
        """f_t at the training rows, shaped as y.

        >>> import math
        >>> GradientFlow().fit(torch.eye(1), [4.0]).outputs(math.inf).tolist()
        [4.0]
        """
        decay = torch.exp(-self._exponents(t))
        left = self.pairs.expand(decay[..., None] * self.pairs.project(self.data.residual))
        return self.data.shaped(self.data.targets - left)

    def predict(self, K_test: Any, t: float, f0_test: Any = None) -> Tensor:
        """f_t at the rows of K_test (m, n), (m, n, c) or (m, n, c, c), the form of K; t ≥ 0, ∞ included.

        >>> import math
        >>> GradientFlow().fit([[2.0]], [1.0], f0=[0.5]).predict([[1.0]], math.inf, f0_test=[0.0]).tolist()
        [0.25]
        """
        return self.data.predict(K_test, self._columns(t), f0_test=f0_test)

    def response(self, t: float) -> Tensor:
        """(1 − e^{−λt/n})/λ for each eigenvalue, 0 where it counts as zero: a_t is V diag(response) Vᵀ (y − f0).

        >>> import math
        >>> GradientFlow().fit(4 * torch.eye(2), [1.0, 2.0]).response(math.inf).tolist()
        [[0.25, 0.25]]
        """
        grown = -torch.expm1(-self._exponents(t))
        return grown / torch.where(grown > 0, self.pairs.values, 1.0)

    def _columns(self, t: float) -> Tensor:
        return self.pairs.expand(self.response(t)[..., None] * self.pairs.project(self.data.residual))

    def _exponents(self, t: float) -> Tensor:
        """λ t / n, with 0 for the directions that do not move."""
        if not (isinstance(t, numbers.Real) and t >= 0):
            raise ArgumentError(
                "t", expected="a time from 0 to infinity", got=repr(t), remedy="Time is learning rate × steps."
            )
        values = self.pairs.values
        moving = values > self.pairs.floor
        return torch.where(moving, values * (float(t) / self.data.blocks.rows), 0.0)
