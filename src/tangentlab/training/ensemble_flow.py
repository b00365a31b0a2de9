"""Gradient flow of an ensemble of networks of infinite width on squared loss: mean and covariance at any time.

The outputs of a network of infinite width are a Gaussian process f0 ~ N(0, K) at its random start, and move linearly
under its tangent kernel Θ (Lee and others, 2019). With A_t = Θ(x, X) (1 − e^{−Θt/n}) Θ⁻¹ on the n training rows X,

    f_t(x)        = f0(x) + A_t (y − f0(X))
    E f_t(x)      = A_t y
    Cov f_t(x)    = K(x, x) − A_t K(X, x) − K(x, X) A_tᵀ + A_t K(X, X) A_tᵀ

Time is learning rate × steps for the loss ½‖f − y‖² averaged over rows, as everywhere here. With K for Θ only the
readout learns, and the covariance at t = ∞ is that of Gaussian process regression without noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from tangentlab._errors import ShapeError
from tangentlab._shapes import expect_shape
from tangentlab.linalg import floating_tensor, rounding_of, symmetric
from tangentlab.training.gradient_flow import FittedGradientFlow, GradientFlow
from tangentlab.training.unfitted import unfitted


@dataclass(frozen=True)
class EnsembleFlow:
    """Gradient flow of infinitely many networks of infinite width from their random starts.

    >>> import math, torch
    >>> import tangentlab as tl
    >>> network, x = tl.InfiniteWidthMLP(1, "erf"), torch.eye(3, dtype=torch.float64)
    >>> ensemble = EnsembleFlow().fit(network.ntk(x[:2]), [1.0, 2.0], nngp=network.nngp(x[:2]))
    >>> theta, k = network.ntk(x, x[:2]), network.nngp(x, x[:2])
    >>> ensemble.predict(theta, math.inf)[:2].round(decimals=12).tolist()           # all agree on the training rows
    [1.0, 2.0]
    >>> spread = ensemble.covariance(theta, math.inf, nngp_test=k, nngp_rows=network.nngp(x)).diagonal()
    >>> spread[:2].abs().max() < 1e-12 < spread[2]
    tensor(True)
    """

    if not TYPE_CHECKING:

        def __getattr__(self, name: str):
            raise unfitted(self, name, FittedEnsembleFlow)

    def fit(self, ntk: Any, y: Any, *, nngp: Any, rounding: float | None = None) -> FittedEnsembleFlow:
        """Decompose the NTK (n, n) of the training rows once; y (n,) or (n, c); nngp (n, n). O(n³).

        Both kernels are checked to be finite and symmetric, the NTK to be positive semidefinite beyond rounding.

        >>> import torch
        >>> EnsembleFlow().fit(torch.eye(2), torch.ones(2), nngp=torch.eye(3))
        Traceback (most recent call last):
        tangentlab._errors.ShapeError: `nngp` must be of shape (n, n) with n = 2, got (3, 3). Check the order of ...
        """
        ntk = _matrix("ntk", ntk)
        flow = GradientFlow().fit(ntk, y, rounding=rounding_of(ntk) if rounding is None else rounding)
        nngp = floating_tensor("nngp", nngp)
        expect_shape("nngp", nngp, "n n", n=len(ntk))
        return FittedEnsembleFlow(flow, symmetric(nngp, name="nngp"))


@dataclass(frozen=True, eq=False)
class FittedEnsembleFlow:
    """Mean and covariance at any time and any rows.

    >>> import torch
    >>> ensemble = EnsembleFlow().fit(torch.eye(2), torch.ones(2), nngp=torch.eye(2))
    >>> ensemble.predict(torch.eye(2), 0.0).tolist()
    [0.0, 0.0]
    """

    flow: FittedGradientFlow
    nngp: Tensor

    def predict(self, ntk_test: Any, t: float) -> Tensor:
        """The ensemble's mean at the rows of ntk_test = Θ(x, X), (m, n), shaped as y; t ≥ 0, ∞ included.

        >>> import math
        >>> EnsembleFlow().fit([[2.0]], [1.0], nngp=[[1.0]]).predict([[1.0]], math.inf).tolist()
        [0.5]
        """
        return self.flow.predict(_matrix("ntk_test", ntk_test), t)

    def covariance(self, ntk_test: Any, t: float, *, nngp_test: Any, nngp_rows: Any) -> Tensor:
        """The covariance (m, m) of one output between rows x; several outputs are independent with the same.

        ntk_test: Θ(x, X), (m, n); nngp_test: K(x, X), (m, n); nngp_rows: K(x, x), (m, m). It is symmetric, float64, and
        positive semidefinite up to rounding in the kernels.

        >>> import torch
        >>> one = torch.ones(1, 1)
        >>> EnsembleFlow().fit(one, [1.0], nngp=one).covariance(one, 0.0, nngp_test=one, nngp_rows=one).tolist()
        [[1.0]]
        """
        n = len(self.nngp)
        given = {"ntk_test": ntk_test, "nngp_test": nngp_test}
        cross = {name: _matrix(name, kernel).to(self.nngp) for name, kernel in given.items()}
        m = len(cross["ntk_test"])
        for name, kernel in cross.items():
            expect_shape(name, kernel, "m n", m=m, n=n)
        rows = floating_tensor("nngp_rows", nngp_rows)
        expect_shape("nngp_rows", rows, "m m", m=m)
        rows = symmetric(rows, name="nngp_rows").to(self.nngp)
        vectors = self.flow.pairs.vectors[0]
        gain = cross["ntk_test"] @ (vectors * self.flow.response(t)[0]) @ vectors.T
        shared = gain @ cross["nngp_test"].T
        found = rows - shared - shared.T + gain @ self.nngp @ gain.T
        return (found + found.T) / 2


def _matrix(name: str, kernel: Any) -> Tensor:
    kernel = floating_tensor(name, kernel)
    if kernel.ndim != 2:
        raise ShapeError(
            name,
            expected="one kernel shared by all outputs, (m, n)",
            got=str(tuple(kernel.shape)),
            remedy="Pass the kernel of a network of infinite width, whose outputs have one and the same.",
        )
    return kernel
