"""Both products with a Jacobian for several vectors at once: weights on outputs pulled back, directions pushed forward.

Vectors share the forward pass when they are pulled back, and go through the network as one batch when they are
pushed forward, where its operations allow.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor

from tangentlab._seeds import generator
from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network
from tangentlab.tangent import products

_AT_ONCE = 8
"""Directions pushed forward in one batch: more would leave the caches."""


def pull_block(network: Network, x: Inputs, weights: Tensor) -> dict[str, Tensor]:
    """Jᵀ u for each u of `weights` (directions, n, c): for each parameter (directions, *shape), float64.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> pull_block(net, torch.ones(3, 2), torch.ones(2, 3, 1))["weight"].tolist()
    [[[3.0, 3.0]], [[3.0, 3.0]]]
    """
    names = network.names
    with torch.enable_grad(), network.differentiable(names) as leaves:
        f = network.apply({}, x)
        found = []
        for j, u in enumerate(weights):
            again = j + 1 < len(weights)
            found.append(products.autograd_gradients(network, f, leaves, u, retain_graph=again))
    return {name: torch.stack([each[i] for each in found]).double() for i, name in enumerate(names)}


def push_block(network: Network, x: Inputs, along: Mapping[str, Tensor], way: str, *, batched: bool) -> Tensor:
    """J δ for each δ of `along`, for each parameter (directions, *shape): (directions, n, c).

    `way` as found by `products.find_push_way`; `batched` as by `pushes_in_batches`.

    >>> net = Network(torch.nn.Linear(2, 1, bias=False))
    >>> push_block(net, torch.ones(1, 2), {"weight": torch.ones(2, 1, 2)}, "forward", batched=True).flatten().tolist()
    [2.0, 2.0]
    """

    def one(direction: Mapping[str, Tensor]) -> Tensor:
        return products.push_forward(network, x, along=direction, way=way)[1]

    count = len(next(iter(along.values())))
    with torch.no_grad():
        if batched and count > 1:
            with warnings.catch_warnings():  # operations without a batching rule are looped by vmap itself
                warnings.filterwarnings("ignore", message=".*batching rule.*")
                return torch.func.vmap(one, chunk_size=_AT_ONCE)(along)
        return torch.stack([one({name: sums[j] for name, sums in along.items()}) for j in range(count)])


def pushes_in_batches(network: Network, x: Inputs) -> bool:
    """Whether directions can be pushed forward in a batch, and give what they give one by one.

    >>> pushes_in_batches(Network(torch.nn.Linear(2, 1)), torch.ones(1, 2))
    True
    """
    draw = generator(0, "directions")
    along = {
        name: torch.randn(2, *tensor.shape, generator=draw, dtype=torch.float64).to(tensor)
        for name, tensor in network.parameters.items()
    }
    one_by_one = push_block(network, x, along, "forward", batched=False)
    try:
        together = push_block(network, x, along, "forward", batched=True)
    except Exception:  # functorch refuses in many ways; whatever it says, one by one is right
        return False
    tolerance = 1e-10 if network.dtype == torch.float64 else 1e-4
    return bool((together - one_by_one).abs().max() <= tolerance * one_by_one.abs().max())
