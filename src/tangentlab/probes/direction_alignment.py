"""Alignment of a network's kernel with tasks along one direction of its inputs: measured, and foretold.

With D(x) = ∂²f/∂θ∂x and a direction u of length 1

    sign        y = sign(uᵀx), x ~ N(0, σ²I)        α → (2σ²/π) ‖D(0) u‖² as σ → 0
    linear      y = uᵀx,       x ~ N(0, σ²I)        α = σ⁴ ‖E[D(x)] u‖², any σ            Stein's lemma
    separable   x = y ε u/2 + w, w ⊥ u, w ~ N(0, σ²) α = (ε²/4) ‖E[D(w)] u‖² + O(ε⁴)

α = ‖E[y ∇_θ f(x)]‖² is measured on pairs x and −x with targets y and −y, which cancel what is even in f, and as a
U-statistic over blocks of pairs: plain samples are off by factors at small σ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab._seeds import numpy_generator
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.anisotropy import bound
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.linalg import floating_tensor
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.network import Network
from tangentlab.probes.jackknife import Jackknife
from tangentlab.probes.squared_mean import squared_mean
from tangentlab.tangent.mixed_derivative import mixed_derivative
from tangentlab.tangent.products import pull_back
from tangentlab.tangent.smoothness import expect_smooth

LAWS = ("sign", "linear", "separable")
_CONSTANT = {
    "sign": lambda epsilon, sigma: 2 * sigma**2 / math.pi,
    "linear": lambda epsilon, sigma: sigma**4,
    "separable": lambda epsilon, sigma: epsilon**2 / 4,
}


@dataclass(frozen=True)
class DirectionAlignment:
    """α `measured` on samples and `predicted` from the mixed derivative, each with its error over samples.

    The prediction of the law "sign" takes D at 0 alone, and has no error.

    >>> model = torch.nn.Linear(3, 1, bias=False)
    >>> found = direction_alignment(model, torch.tensor([1.0, 0.0, 0.0]), sigma=0.5, pairs=400)
    >>> round(found.predicted.value, 6), abs(found.ratio - 1) < 0.2                      # 2 · 0.25 / π: here D = I
    (0.159155, True)
    """

    law: str
    measured: Jackknife
    predicted: Jackknife

    @property
    def ratio(self) -> float:
        """measured / predicted."""
        return self.measured.value / self.predicted.value if self.predicted.value else float("nan")


@outside_inference_mode()
def direction_alignment(
    model: Any,
    direction: Any,
    *,
    law: str = "sign",
    sigma: float = 0.02,
    epsilon: float = 1.0,
    pairs: int = 8000,
    blocks: int = 100,
    outputs: Outputs = "trace",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> DirectionAlignment:
    """α of a task along `direction` (of the shape of one row), measured on antithetic pairs and foretold.

    Parameters
    ----------
    law: "sign", "linear" or "separable", see above; epsilon only matters to the last
    pairs: of x and −x, in `blocks` of equal size, each one backward pass and what the jackknife leaves out in turn.
        Measurement and prediction draw from different streams of `seed`
    outputs: of several outputs, as in `anisotropy_directions`
    progress: called with (blocks done, blocks in all)

    Cost: a backward pass a block, and for E[D] two more; memory: `blocks` gradients.

    >>> model, u = torch.nn.Linear(2, 1, bias=False), torch.tensor([0.0, 1.0])          # D = I: ε²/4 with ε = 1
    >>> round(direction_alignment(model, u, law="separable", pairs=200).predicted.value, 6)
    0.25
    """
    if law not in LAWS:
        raise UnknownNameError("law", law, LAWS)
    u = floating_tensor("direction", direction)
    network, shape, flavour = bound(
        model, tuple(u.shape), outputs=outputs, parameters=parameters, mode=mode, dtype=dtype
    )
    u = u.double().cpu() / _length(u)
    for name, value in (("sigma", sigma), ("epsilon", epsilon)):
        if not 0 < value < float("inf"):
            raise ArgumentError(name, expected="a finite number above 0", got=repr(value), remedy="Try 0.02.")
    blocks, pairs = expect_whole_number("blocks", blocks, least=3), expect_whole_number("pairs", pairs)
    if pairs < blocks:
        raise ArgumentError("pairs", expected=f"at least the {blocks} blocks", got=pairs, remedy="Try 2000.")
    cotangents = flavour.cotangents(like=torch.zeros(1)).to(network.device, network.dtype)
    expect_smooth(network, torch.zeros(1, *shape), cotangents=cotangents)

    def drawn(stream: str) -> Iterator[tuple[Tensor, Tensor]]:
        for b, size in enumerate(_sizes(pairs, blocks)):
            yield _draw(u, size, law=law, sigma=sigma, epsilon=epsilon, seed=seed, stream=(stream, b))
            if progress is not None:
                progress(
                    b + 1 + (blocks if stream == "derivative" else 0), blocks if law == "sign" else 2 * blocks
                )

    with preserved_random_state(network.device):
        measured = squared_mean((_gradient(network, x, y, cotangents) for x, y in drawn("target")), level=level)
        if law == "sign":
            exact = _pushed(network, torch.zeros(1, *shape), u, cotangents)
            value = float(exact.double().square().sum())
            predicted = Jackknife(value, 0.0, 0.0, value, value, level)
        else:
            parts = (_pushed(network, _noise(x, u, law), u, cotangents) for x, _ in drawn("derivative"))
            predicted = squared_mean(parts, level=level)
    scale = _CONSTANT[law](epsilon, sigma)
    return DirectionAlignment(law, scaled(measured, flavour.scale), scaled(predicted, flavour.scale * scale))


def scaled(found: Jackknife, factor: float) -> Jackknife:
    """A number and its error times a positive factor.

    >>> scaled(Jackknife(1.0, 0.5, 0.0, 0.0, 2.0, 0.95), 2.0).standard_error
    1.0
    """
    return Jackknife(
        factor * found.value,
        factor * found.standard_error,
        factor * found.bias,
        factor * found.low,
        factor * found.high,
        found.level,
    )


def _length(u: Tensor) -> float:
    length = float(u.double().norm())
    if length == 0:
        raise ArgumentError("direction", expected="of some length", got="zeros", remedy="Pass a unit vector.")
    return length


def _sizes(pairs: int, blocks: int) -> list[int]:
    """Pairs of each block, equal: a block is one draw."""
    return [pairs // blocks] * blocks


def _draw(
    u: Tensor, pairs: int, *, law: str, sigma: float, epsilon: float, seed: int, stream: tuple[str, int]
) -> tuple[Tensor, Tensor]:
    """x (pairs, *shape) and targets y (pairs,), float64; the other half of each pair is −x with −y."""
    source = numpy_generator(seed, "direction alignment", *stream)
    x = sigma * torch.from_numpy(source.standard_normal((pairs, u.numel())))
    flat = u.flatten()
    along = x @ flat
    if law == "separable":
        y = torch.from_numpy(2.0 * source.integers(2, size=pairs) - 1)
        x = x + (y * epsilon / 2 - along)[:, None] * flat
    else:
        y = along if law == "linear" else along.sign()
    return x.reshape(pairs, *u.shape), y


def _noise(x: Tensor, u: Tensor, law: str) -> Tensor:
    """Where D is averaged: x itself, or what of it is orthogonal to u."""
    if law != "separable":
        return x
    flat = u.flatten()
    rows = x.flatten(1)
    return (rows - (rows @ flat)[:, None] * flat).reshape(x.shape)


def _gradient(network: Network, x: Tensor, y: Tensor, cotangents: Tensor) -> Tensor:
    """Mean over pairs of y (∇f(x) − ∇f(−x)) / 2 for each combination of outputs, (q · p,)."""
    both = network.place(torch.cat([x, -x]))
    weights = torch.cat([y, -y]).to(both) / len(both)
    pulled = [
        network.space.flatten(pull_back(network, both, weights=weights[:, None] * one)) for one in cotangents
    ]
    return torch.cat(pulled).detach()


def _pushed(network: Network, x: Tensor, u: Tensor, cotangents: Tensor) -> Tensor:
    """Mean of D(x) u over x and −x, (q · p,)."""
    points = x if not bool(x.any()) else torch.cat([x, -x])
    with mixed_derivative(network, points, cotangents=cotangents) as D:
        pushed = D.push(u)
    return torch.cat([part.flatten() for part in pushed.values()])
