"""Which route each parameter takes, found by comparing with plain autograd on a handful of rows, never by hope.

A parameter takes its layer's rule only if the rule reproduces, row by row, the gradient that autograd finds for that
row alone. A weight used a second time outside its layer, a layer called on transposed rows, an overwritten value:
all of them fail this comparison and take the general route.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab._seeds import generator
from tangentlab.networks.inputs import Inputs, count_rows, map_tensors, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent import sample_gradients
from tangentlab.tangent.capture import Uses, capture, covered_layers
from tangentlab.tangent.factors import add_uses, as_rows
from tangentlab.tangent.products import pull_back

METHODS = ("auto", "layer_rules", "vmap", "autograd")


@dataclass(frozen=True)
class Routes:
    """The parameters that take layer rules (with the number of their uses), and those that take the general route.

    >>> found = find_routes(Network(torch.nn.Linear(2, 1)), torch.ones(2, 2))
    >>> found.by_rule, found.general
    ((('weight', 1), ('bias', 1)), ())
    """

    by_rule: tuple[tuple[str, int], ...]
    general: tuple[str, ...]
    general_way: str
    """"vmap" or "autograd"."""

    def describe(self) -> str:
        """The routes in words."""
        words = [f"{len(self.by_rule)} tensors by layer rules"] if self.by_rule else []
        if self.general:
            words.append(f"{len(self.general)} by {self.general_way}")
        return ", ".join(words)


def find_routes(network: Network, few: Inputs, *, method: str = "auto") -> Routes:
    """Assign a route to every selected parameter; `few` are one to three placed rows in the network's dtype.

    method: "auto"; "layer_rules" refuses what no rule covers; "vmap" or "autograd" use one general way for all.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    if method in sample_gradients.WAYS:
        return Routes(by_rule=(), general=network.names, general_way=method)
    agreed, reasons = _agreeing(network, few)
    general = tuple(name for name in network.names if name not in agreed)
    if general and method == "layer_rules":
        raise NetworkError(
            f"No layer rule covers '{general[0]}' ({reasons.get(general[0], 'its layer has none')})"
            + (f" and {len(general) - 1} more." if len(general) > 1 else "."),
            remedy="Use method='auto', which takes another route for these.",
        )
    way = sample_gradients.working_way(network, few, names=general) if general else "vmap"
    return Routes(by_rule=tuple(agreed.items()), general=general, general_way=way)


def _agreeing(network: Network, few: Inputs) -> tuple[dict[str, int], dict[str, str]]:
    layers = covered_layers(network)
    if not layers:
        return {}, {}
    rows = count_rows(few)
    shape = network(few).shape
    u = torch.randn(shape, generator=generator(0, "routes"), dtype=torch.float64).to(network.device, network.dtype)
    try:
        uses = capture(network, few, u.unsqueeze(0), layers=layers)
    except (RuntimeError, NotImplementedError, NetworkError) as error:
        return {}, dict.fromkeys(network.names, f"the hooks failed: {str(error).splitlines()[0][:160]}")
    alone = [
        pull_back(network, _row(few, i), at=network.parameters, weights=u[i : i + 1], names=tuple(uses))
        for i in range(rows)
    ]
    agreed, reasons = {}, {}
    for name in network.names:
        if name in uses:
            truth = torch.stack([_dense(gradients[name]) for gradients in alone])
            if _equal(uses, name, truth):
                agreed[name] = len(uses[name])
            else:
                reasons[name] = "autograd finds another gradient; the parameter is also used outside its layer"
    return agreed, reasons


def _row(x: Inputs, i: int) -> Inputs:
    return map_tensors(torch.clone, take_rows(x, slice(i, i + 1)))


def _dense(gradient: Tensor) -> Tensor:
    return gradient.to_dense().flatten()


def _equal(uses: Uses, name: str, truth: Tensor) -> bool:
    found = as_rows(add_uses(uses[name])).rows[:, 0]
    if found.shape != truth.shape:
        return False
    tolerance = 1e-8 if truth.dtype == torch.float64 else 2e-3
    scale = float(truth.norm())
    return float((found - truth).norm()) <= tolerance * scale + torch.finfo(truth.dtype).tiny
