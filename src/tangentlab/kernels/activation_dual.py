"""Dual activations: what an elementwise φ does to the covariance of two Gaussian pre-activations.

With (u, v) ~ N(0, [[q₁, k], [k, q₂]]) a layer of infinitely many units turns the covariance k into E[φ(u) φ(v)], and
the tangent kernel into itself times E[φ'(u) φ'(v)]. In closed form for

========  ==========================================  =============================================
φ         E[φ(u) φ(v)]                                E[φ'(u) φ'(v)]
========  ==========================================  =============================================
relu      √(q₁q₂) (sin θ + (π − θ) cos θ) / 2π        (π − θ) / 2π,          cos θ = k / √(q₁q₂)
erf       (2/π) asin(2k / √((1 + 2q₁)(1 + 2q₂)))      (4/π) / √((1 + 2q₁)(1 + 2q₂) − 4k²)
gelu      k G + N / 2π√D                              G + (k + N') / 2π√D + N k / 2π√D³
identity  k                                           1
========  ==========================================  =============================================

where for gelu(u) = u Φ(u), by Stein's lemma, D = (1 + q₁)(1 + q₂) − k², G = 1/4 + asin(k / √((1 + q₁)(1 + q₂))) / 2π,
r = 1/(1 + q₁) + 1/(1 + q₂) − 1, N = q₁q₂ + r k² and N' = 2 r k. Sources: Cho and Saul (2009) for relu, Williams
(1997) for erf. Every other activation goes by its Hermite series, see `hermite_dual`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

_ALIKE = 16 * torch.finfo(torch.float64).eps
"""Correlations this near to ±1 are ±1: an angle of 1e-7, which float64 covariances cannot tell from none."""

_LEAST = 1e-300


class Dual(NamedTuple):
    """E[φ(u) φ(v)], and E[φ'(u) φ'(v)] where it was asked for."""

    value: Tensor
    slope: Tensor | None


def correlation(q1: Tensor, q2: Tensor, k: Tensor) -> Tensor:
    """k / √(q₁q₂), exactly ±1 where rounding cannot tell it from that, and 0 where a variance is 0.

    >>> q = torch.tensor([0.0, 2.0], dtype=torch.float64)
    >>> correlation(q, q, q * (1 - 1e-16)).tolist()
    [0.0, 1.0]
    """
    rho = k * q1.clamp_min(_LEAST).rsqrt()
    rho = rho * q2.clamp_min(_LEAST).rsqrt()
    return torch.where(rho.abs() > 1 - _ALIKE, rho.sign(), rho)


def relu_dual(q1: Tensor, q2: Tensor, k: Tensor, *, slope: bool) -> Dual:
    """The dual of max(u, 0), the arc-cosine kernels of degrees 1 and 0 halved.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> dual = relu_dual(one, one, one, slope=True)
    >>> dual.value.item(), dual.slope.item()
    (0.5, 0.5)
    """
    rho = correlation(q1, q2, k)
    half = torch.acos(rho).neg_().add_(pi).div_(2 * pi)
    value = torch.sqrt((1 - rho).mul_(1 + rho)).div_(2 * pi).addcmul_(rho, half)
    return Dual(value.mul_(q1.sqrt()).mul_(q2.sqrt()), half if slope else None)


def erf_dual(q1: Tensor, q2: Tensor, k: Tensor, *, slope: bool) -> Dual:
    """The dual of erf(u).

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> round(erf_dual(one, one, 1.5 * one, slope=False).value.item(), 12)      # asin(1) = π/2
    1.0
    """
    size = (1 + 2 * q1) * (1 + 2 * q2)
    value = (2 / pi) * torch.asin((2 * k / size.sqrt()).clamp_(-1, 1))
    return Dual(value, (4 / pi) / torch.sqrt(size - 4 * k.square()) if slope else None)


def gelu_dual(q1: Tensor, q2: Tensor, k: Tensor, *, slope: bool) -> Dual:
    """The dual of u Φ(u).

    >>> none = torch.zeros(1, dtype=torch.float64)
    >>> gelu_dual(none, none, none, slope=True).slope.item()                    # gelu'(0) = 1/2
    0.25
    """
    size = (1 + q1) * (1 + q2)
    determinant = size - k.square()
    root = 2 * pi * determinant.sqrt()
    angle = 0.25 + torch.asin((k / size.sqrt()).clamp_(-1, 1)) / (2 * pi)
    share = 1 / (1 + q1) + 1 / (1 + q2) - 1
    numerator = q1 * q2 + share * k.square()
    value = k * angle + numerator / root
    if not slope:
        return Dual(value, None)
    return Dual(value, angle + (k + 2 * share * k) / root + numerator * k / (root * determinant))


def identity_dual(q1: Tensor, q2: Tensor, k: Tensor, *, slope: bool) -> Dual:
    """The dual of u itself.

    >>> identity_dual(torch.ones(1), torch.ones(1), torch.full((1,), 0.5), slope=True)
    Dual(value=tensor([0.5000]), slope=tensor([1.]))
    """
    return Dual(k, torch.ones_like(k) if slope else None)


CLOSED_FORMS: dict[str, Callable[..., Dual]] = {
    "relu": relu_dual,
    "erf": erf_dual,
    "gelu": gelu_dual,
    "identity": identity_dual,
}
"""Name to dual(q1, q2, k, *, slope)."""
