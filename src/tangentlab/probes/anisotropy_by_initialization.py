"""Anisotropy directions as first defined: principal directions of input gradients over random initializations.

Formula   C = E_θ0[∇_x f(θ0, 0) ∇_x f(θ0, 0)ᵀ], C v_k = λ_k v_k         Ortiz-Jimenez et al., 2020
          the gradient exact, or by differences (f(h e_i) − f(−h e_i)) / 2h over a long step h, which sees past kinks

A cross-check of the order that `anisotropy_directions` gives from one initialization and its weights' tangent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, NumericalError
from tangentlab._seeds import derive
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.anisotropy import bound
from tangentlab.linalg import fix_signs
from tangentlab.networks.catalogue import build_network
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.network import Network
from tangentlab.networks.sizes import expect_input_shape
from tangentlab.networks.user_builder import call_builder

_ROWS = 1024
"""Inputs evaluated at once for differences."""


@dataclass(frozen=True, eq=False)
class InitializationAnisotropy:
    """`values` (k,) largest first, `vectors` (k, *shape), and the `standard_errors` (k,) of the values over `draws`.

    The largest values are biased upwards, as the largest of a sample are: by about d / draws of the mean value.

    >>> found = anisotropy_by_initialization("mlp:activation=gelu,width=8", (6,), 2, draws=20)
    >>> found.values.shape, found.vectors.shape, found.draws
    (torch.Size([2]), torch.Size([2, 6]), 20)
    """

    values: Tensor
    vectors: Tensor = field(repr=False)
    standard_errors: Tensor
    draws: int


@outside_inference_mode()
def anisotropy_by_initialization(
    network: str | Callable[..., Any],
    shape: tuple[int, ...] | int,
    k: int | None = None,
    *,
    draws: int = 1000,
    step: float | None = None,
    initialization: str = "lecun",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> InitializationAnisotropy:
    """Principal directions of ∂f/∂x at 0 over `draws` initializations of a network of one output.

    `network` is a name of the catalogue with options, "package.module:callable", or a builder as `build_network` calls
    them; `step` takes differences over so long a step in place of the derivative (the published code takes 100), at the
    cost of 2 d evaluations a draw. The directions are those of the draws; with fewer of them than d, so many at the
    most.

    Raises NumericalError where all gradients are zero, as those of ReLU networks without biases are at 0.

    >>> def build(input_shape, outputs):                      # f = 3 x₁ in every draw
    ...     layer = torch.nn.Linear(2, 1, bias=False)
    ...     layer.weight.data = torch.tensor([[3.0, 0.0]])
    ...     return layer
    >>> found = anisotropy_by_initialization(build, 2, 1, draws=3)
    >>> found.values.round(decimals=6).tolist(), found.vectors.abs().round(decimals=6).tolist()
    ([9.0], [[1.0, 0.0]])
    """
    shape = expect_input_shape(shape, name="shape")  # type: ignore[arg-type]
    draws = expect_whole_number("draws", draws, least=2)
    if step is not None and not 0 < step < float("inf"):
        raise ArgumentError("step", expected="a length above 0", got=repr(step), remedy="Try step=100.")
    rows = []
    for draw in range(draws):
        at = derive(seed, "initialization", draw)
        options: dict[str, Any] = {"outputs": 1, "seed": at, "initialization": initialization}
        if isinstance(network, str):
            model = build_network(network, shape, **options)
        else:
            model = call_builder(network, shape, name="network", **options)
        one = Network(model, mode="eval", share=True)
        if draw == 0:
            one = bound(one, shape, outputs="sum", parameters=None, mode="eval", dtype=None)[0]
        rows.append(_slope(one, shape) if step is None else _differences(one, shape, step))
        if progress is not None:
            progress(draw + 1, draws)
    gradients = torch.stack(rows).double()
    if not bool(gradients.any()):
        raise NumericalError(
            "The gradient in the inputs is zero at 0 for every initialization.",
            remedy="Take a smooth activation such as GELU, or differences over a long step, step=100.",
        )
    count = min(gradients.shape)
    if k is not None:
        k = expect_whole_number("k", k, most=count, remedy="Take more draws for more directions.")
    _, _, right = torch.linalg.svd(gradients, full_matrices=False)
    vectors = fix_signs(right[:k].T)
    scores = (gradients @ vectors).square()
    return InitializationAnisotropy(
        scores.mean(0), vectors.T.reshape(-1, *shape), scores.std(0) / draws**0.5, draws
    )


def _slope(network: Network, shape: tuple[int, ...]) -> Tensor:
    x = network.place(torch.zeros(1, *shape))
    with preserved_random_state(network.device), torch.enable_grad():
        x.requires_grad_(True)
        f = network.apply({}, x).sum()
        if not f.requires_grad:
            return torch.zeros(x.numel())
        (slope,) = torch.autograd.grad(f, [x], allow_unused=True)
    return torch.zeros(x.numel()) if slope is None else slope.flatten().cpu()


def _differences(network: Network, shape: tuple[int, ...], step: float) -> Tensor:
    size = torch.zeros(shape).numel()
    found = []
    for part in (step * torch.eye(size)).split(_ROWS):
        x = part.reshape(-1, *shape)
        found.append((network(x)[:, 0] - network(-x)[:, 0]) / (2 * step))
    return torch.cat(found).cpu()
