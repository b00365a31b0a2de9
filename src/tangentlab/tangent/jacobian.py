"""Jacobian: the derivative of a network's outputs in its parameters, as an operator.

Formula   J(x) = ∂f(θ0, x)/∂θ          (n, c, p)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_shape
from tangentlab.networks.data_dependence import reads_its_data
from tangentlab.networks.evaluation import outside_inference_mode, preserved_random_state
from tangentlab.networks.inputs import Inputs, check_inputs, take_rows
from tangentlab.networks.network import Network
from tangentlab.networks.output_selection import one_hot_rows
from tangentlab.networks.safety import FEW, inspect_network, some_rows, verify_rows
from tangentlab.tangent import products, sample_gradients

_STEP = 64
"""Rows of a dense Jacobian made at once."""


@dataclass(frozen=True, eq=False)
class Jacobian:
    """J(x) at the anchor of a network, never formed unless asked.

    `jvp` costs one forward pass with tangents, `vjp` one forward and one backward, `dense` n·c backward passes and
    n·c·p numbers.

    >>> model = torch.nn.Linear(2, 1, bias=False).double()
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double()
    >>> J = jacobian(model, x)
    >>> J.shape, J.dense().flatten(1).tolist()
    ((2, 1, 2), [[1.0, 2.0], [3.0, 4.0]])
    >>> J.jvp({"weight": torch.tensor([[1.0, 1.0]])}).tolist()
    [[3.0], [7.0]]
    """

    network: Network
    x: Inputs
    outputs: Tensor
    """f0(x), (n, c)."""
    way: str
    """How directions are pushed forward."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n, c, p)."""
        n, c = self.outputs.shape
        return n, c, self.network.space.size

    @outside_inference_mode()
    def jvp(self, direction: Mapping[str, Tensor]) -> Tensor:
        """J δ, (n, c), for a dictionary δ with one tensor for each selected parameter."""
        if not isinstance(direction, Mapping):
            raise ArgumentError(
                "direction",
                expected="a dictionary with a tensor for each selected parameter",
                got=type(direction).__name__,
                remedy="Split a flat vector with jacobian.network.space.unflatten(vector).",
            )
        own = self.network.parameters
        along = {name: torch.as_tensor(tensor) for name, tensor in direction.items()}
        self.network.space.check("direction", along)
        along = {name: along[name].to(own[name]) for name in own}
        with torch.no_grad(), preserved_random_state(self.network.device):
            return products.push_forward(self.network, self.x, along=along, way=self.way)[1]

    @outside_inference_mode()
    def vjp(self, weights: Tensor) -> dict[str, Tensor]:
        """Jᵀ u for u (n, c): a dictionary of tensors shaped like the parameters."""
        weights = torch.as_tensor(weights)
        expect_shape("weights", weights, "n c", n=self.shape[0], c=self.shape[1])
        with preserved_random_state(self.network.device):
            return products.pull_back(self.network, self.x, weights=weights.detach().to(self.outputs))

    @outside_inference_mode()
    def dense(self) -> Tensor:
        """J as one array (n, c, p), its last axis in the order of `network.space`."""
        network, (n, c, p) = self.network, self.shape
        cotangents = one_hot_rows(c, like=self.outputs)
        dense = self.outputs.new_empty(n, c, p)
        with preserved_random_state(network.device):
            few = take_rows(self.x, some_rows(n))
            way = sample_gradients.find_gradient_way(network, few, names=network.names)
            for start in range(0, n, _STEP):
                part = slice(start, start + _STEP)
                rows = sample_gradients.sample_gradients(
                    network, take_rows(self.x, part), names=network.names, cotangents=cotangents, way=way
                )
                dense[part] = network.space.flatten(rows, leading=2).detach()
        return dense


@outside_inference_mode()
def jacobian(
    model: Any, x: Inputs, *, parameters: Any = None, mode: str | None = None, dtype: torch.dtype | None = None
) -> Jacobian:
    """The Jacobian of a module, Network or callable at its present parameters, on the rows `x`.

    `parameters`, `mode` as for `Network`; `dtype` float64 or float32 to compute in another precision than theirs.

    Raises NetworkError, naming layer and remedy, when the outputs of a row depend on the other rows or on chance.

    >>> jacobian(torch.nn.Linear(3, 2), torch.zeros(4, 3)).shape
    (4, 2, 8)
    """
    network = Network(model, parameters=parameters, mode=mode).to(dtype=dtype)
    placed = network.place(check_inputs(x))
    inspect_network(network, placed)
    outputs = network(placed)
    few = take_rows(placed, some_rows(len(outputs)))
    verify_rows(network, placed, outputs, count=len(outputs) if reads_its_data(network, few) else FEW)
    with preserved_random_state(network.device):
        way = products.find_push_way(network, few)
    return Jacobian(network=network, x=placed, outputs=outputs, way=way)
