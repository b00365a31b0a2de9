"""The dual of any activation by its Hermite series, for those without a closed form.

With φ(√q z) = Σ_k a_k(q) h_k(z) in the orthonormal Hermite polynomials of z ~ N(0, 1), Mehler's formula gives

    E[φ(u) φ(v)] = Σ_k a_k(q₁) a_k(q₂) ρᵏ,      a_k(q) = E[φ(√q z) h_k(z)],

and the same with φ' for the slope: one-dimensional integrals for each row instead of a two-dimensional one for each
pair, and a positive semidefinite kernel at any length of the series. The integrals are Gauss–Legendre sums over panels
of a quarter on ±13, one panel ending at 0, where activations have their kinks: exact to rounding for a kink at 0, and
for φ analytic within b of the real line while √q < 6 b or so (tanh has b = π/2). For smooth φ the a_k fall fast enough
to reach rounding; what is left of a series that was cut at its longest is lumped into two last terms, one even and one
odd, so that the kernel stays exact at ρ = ±1 with q₁ = q₂, and told in a `NumericalWarning` where it may matter
elsewhere. Other kinks and faster turns (hardtanh, sin 9u at a large variance) are met by a second sum over panels of
another width: where the two differ, a `NumericalWarning` says by how much.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import pi

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, NotFiniteError, TangentlabError
from tangentlab.kernels.activation_dual import Dual, correlation
from tangentlab.linalg import NumericalWarning

_REACH, _ORDER = 13.0, 16
_PANEL, _OTHER_PANEL = 0.25, 0.26
"""Of the sums, and of those that check them; both divide the reach, so that a panel ends at 0."""
_LONGEST = 512
_LEFT = 1e-15
_TOGETHER = 512
"""Variances whose integrals are taken at once: 10 MB of values at the nodes."""

_WORTH_TELLING = 1e-6
_APART = 7
"""Of so many entries one is evaluated without the others."""
_ALIKE = 1e-9
"""Differences below come from other instructions for other lengths."""


@dataclass(frozen=True, eq=False)
class HermiteDual:
    """dual(q1, q2, k, *, slope) of an elementwise function of tensors. Cost: the length of the series a number.

    >>> dual = HermiteDual(torch.sin)                      # E[sin u sin v] = e^{−(q₁ + q₂)/2} sinh k
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> found = dual(one, one, 0.5 * one, slope=False).value
    >>> torch.allclose(found, torch.exp(-one) * torch.sinh(0.5 * one), rtol=1e-13)
    True
    """

    activation: Callable[[Tensor], Tensor]

    def __call__(self, q1: Tensor, q2: Tensor, k: Tensor, *, slope: bool) -> Dual:
        """Both expectations for covariances k and variances that broadcast against them."""
        rho = correlation(q1, q2, k)
        first = self._coefficients(q1, slope=slope)
        second = first if q2 is q1 else self._coefficients(q2, slope=slope)
        sums = [_series(a, b, rho) for a, b in zip(first, second)]
        return Dual(sums[0], sums[1] if slope else None)

    def _coefficients(self, q: Tensor, *, slope: bool) -> list[_Coefficients]:
        """Of φ, and of φ', at each variance; pixels and rows often share one, which is then worked out once."""
        distinct, place = torch.unique(q, return_inverse=True)
        parts = [self._at(some, slope=slope) for some in distinct.split(_TOGETHER)]
        return [_Coefficients.joined([part[i] for part in parts], place) for i in range(1 + slope)]

    def _at(self, q: Tensor, *, slope: bool) -> list[_Coefficients]:
        nodes, weights = _nodes(q.device, _PANEL)
        found = self._functions(q, nodes, slope=slope)
        others, their_weights = _nodes(q.device, _OTHER_PANEL)
        again = self._functions(q, others, slope=slope)
        self._expect_elementwise(found[0][0, ::_APART], q[0].sqrt() * nodes[::_APART])
        _compare(
            [_moments(each, nodes, weights) for each in found],
            [_moments(each, others, their_weights) for each in again],
        )
        return [_Coefficients.of(each, weights) for each in found]

    def _functions(self, q: Tensor, nodes: Tensor, *, slope: bool) -> list[Tensor]:
        """φ(√q z) at the nodes, and φ' where it is asked for, (variances, nodes) each."""
        with torch.inference_mode(False), torch.enable_grad():
            z = (q.detach().clone().sqrt()[:, None] * nodes).requires_grad_(slope)
            values = self._applied(z)
            return [values.detach(), self._derived(values, z)] if slope else [values.detach()]

    def _applied(self, z: Tensor) -> Tensor:
        try:
            values = self.activation(z)
        except TangentlabError:
            raise
        except Exception as error:
            raise _refusal(f"one that fails on a tensor: {error}") from error
        if not isinstance(values, Tensor) or values.shape != z.shape:
            kind = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise _refusal(f"one that turns {tuple(z.shape)} into {kind}")
        if not bool(torch.isfinite(values).all()):
            raise NotFiniteError(
                f"The activation is not finite at some inputs from {float(z.min()):.3g} to {float(z.max()):.3g}.",
                remedy="Scale the inputs down, or take an activation that grows more slowly.",
            )
        return values

    def _expect_elementwise(self, values: Tensor, z: Tensor) -> None:
        """Refuse a softmax, say: some of the entries by themselves must have the values they had among all."""
        if float((self._applied(z) - values).abs().max()) > _ALIKE * float(values.abs().max()):
            raise _refusal("one whose values change with the entries beside them, or from call to call")

    def _derived(self, values: Tensor, z: Tensor) -> Tensor:
        try:
            return torch.autograd.grad(values.sum(), z)[0]
        except RuntimeError as error:
            raise _refusal("one that autograd cannot differentiate") from error


def _refusal(got: str) -> ArgumentError:
    return ArgumentError(
        "activation",
        expected="a differentiable function of a tensor that acts on each entry by itself",
        got=got,
        remedy="Write it with torch's functions, such as torch.tanh, or give a name.",
    )


@dataclass(frozen=True, eq=False)
class _Coefficients:
    """Hermite coefficients (longest, ...) of functions, the even and odd mass beyond them, and how many matter."""

    terms: Tensor
    beyond: Tensor
    mass: Tensor
    length: int
    place: Tensor | None = None

    @staticmethod
    def of(values: Tensor, weights: Tensor) -> _Coefficients:
        """The coefficients of functions given at the nodes, (functions, nodes)."""
        even, odd = (values + values.flip(-1)) / 2, (values - values.flip(-1)) / 2
        parts = torch.stack([part.square() @ weights for part in (even, odd)])
        terms = (_polynomials(values.device) * weights) @ values.T
        power = terms.square()
        mass = parts.sum(0).clamp_min(1e-300)
        beyond = torch.stack([(parts[i] - power[i::2].sum(0)).clamp_min(0) for i in (0, 1)])
        after = (power.flip(0).cumsum(0).flip(0) / mass).amax(1)  # of each term and all that follow
        length = int((after > _LEFT).sum())
        return _Coefficients(terms, beyond, mass, length + length % 2)

    @staticmethod
    def joined(parts: list[_Coefficients], place: Tensor) -> _Coefficients:
        """Of all functions; `place` tells which of them stands where."""
        return _Coefficients(
            torch.cat([part.terms for part in parts], 1),
            torch.cat([part.beyond for part in parts], 1),
            torch.cat([part.mass for part in parts]),
            max(part.length for part in parts),
            place,
        )

    def cut(self, length: int) -> tuple[Tensor, Tensor]:
        """The first `length` terms, two that stand for the others, and the root of the share of those in the mass."""
        power = self.terms[length:].square()
        left = torch.stack([self.beyond[i] + power[i::2].sum(0) for i in (0, 1)])
        return torch.cat([self.terms[:length], left.sqrt()]), (left.sum(0) / self.mass).sqrt()


def _series(a: _Coefficients, b: _Coefficients, rho: Tensor) -> Tensor:
    """Σ_k a_k b_k ρᵏ, by Horner's rule."""
    length = max(a.length, b.length)
    (a_terms, a_left), (b_terms, b_left) = a.cut(length), b.cut(length)
    total = torch.zeros_like(rho)
    for k in range(length + 1, -1, -1):
        total.mul_(rho).add_(a_terms[k][a.place] * b_terms[k][b.place])
    share = float(a_left.max() * b_left.max())
    if share > _WORTH_TELLING:
        inner = torch.where(rho.abs() < 1, rho.abs(), 0.0)
        share = float((inner.pow_(length).mul_(a_left[a.place]).mul_(b_left[b.place])).max())
    if share > _WORTH_TELLING:
        warnings.warn(
            f"The Hermite series of the activation, or of its derivative, was cut at {length} terms: where rows are "
            f"almost parallel, kernels are off by up to {share:.1g} of their diagonal. A smooth activation, or inputs "
            "of smaller variance, have shorter series.",
            NumericalWarning,
            stacklevel=2,
        )
    return total


def _moments(values: Tensor, nodes: Tensor, weights: Tensor) -> Tensor:
    """E g, E g z and E g² of functions at the nodes, (functions, 3): what two sums should agree in."""
    return torch.stack([values @ weights, values @ (weights * nodes), values.square() @ weights], 1)


def _compare(found: list[Tensor], again: list[Tensor]) -> None:
    """Tell where two sums for the same expectations differ, beside the length of the function."""
    apart = 0.0
    for one, other in zip(found, again):
        mass = torch.maximum(one[:, 2], other[:, 2]).clamp_min(1e-300)
        scale = torch.stack([mass.sqrt(), mass.sqrt(), mass], 1)
        apart = max(apart, float(((one - other).abs() / scale).max()))
    if apart > _WORTH_TELLING:
        warnings.warn(
            f"Two sums for the Hermite coefficients of the activation, or of its derivative, differ by {apart:.1g} of "
            "it, and so may its kernels: it has kinks away from 0, or turns within a few hundredths of a standard "
            "deviation of its input. Take one that is smooth, or inputs of smaller variance.",
            NumericalWarning,
            stacklevel=2,
        )


@cache
def _nodes(device: torch.device, panel: float) -> tuple[Tensor, Tensor]:
    """Nodes of all panels, in pairs ±z, and the normal density times their weights."""
    inner, weights = np.polynomial.legendre.leggauss(_ORDER)
    half = round(_REACH / panel)
    centres = (np.arange(-half, half) + 0.5) * panel
    nodes = (centres[:, None] + inner * (panel / 2)).ravel()
    density = np.exp(-np.square(nodes) / 2) / (2 * pi) ** 0.5
    both = np.stack([nodes, density * np.tile(weights * (panel / 2), len(centres))])
    return torch.from_numpy(both).to(device).unbind()  # pyright: ignore[reportReturnType]


@cache
def _polynomials(device: torch.device) -> Tensor:
    """The orthonormal Hermite polynomials h_0 … at the nodes, (length, nodes)."""
    nodes, _ = _nodes(device, _PANEL)
    found = [torch.ones_like(nodes), nodes]
    for k in range(1, _LONGEST - 1):
        found.append((nodes * found[k] - k**0.5 * found[k - 1]) / (k + 1) ** 0.5)
    return torch.stack(found)
