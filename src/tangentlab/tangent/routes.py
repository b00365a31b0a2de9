"""Which route each parameter takes, found by comparing with plain autograd on a handful of rows, never by hope.

A parameter takes its layer's rule only if the layer's calls are all of its uses and the rule reproduces, row by row,
the gradient that autograd finds for that row alone. A weight used a second time outside its layer, a layer called on
transposed or reordered rows, an overwritten value: all of them fail this comparison and take the general route.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab._seeds import generator
from tangentlab.networks.inputs import Inputs, count_rows, map_tensors, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent import sample_gradients
from tangentlab.tangent.capture import capture, covered_layers
from tangentlab.tangent.factors import add_uses, as_rows
from tangentlab.tangent.products import pull_back

METHODS = ("auto", "layer_rules", "vmap", "autograd")

_SILENT = {torch.float64: 1e-10, torch.float32: 1e-5}
"""A gradient below this share of the whole one tells nothing about its route: it is rounding, or a dead branch."""


def check_method(method: str) -> None:
    """Refuse a method that is none of `METHODS`.

    >>> check_method("auto")
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)


@dataclass(frozen=True)
class Routes:
    """The parameters that take layer rules, those that f does not use, and those that take the general route.

    >>> found = find_routes(Network(torch.nn.Linear(2, 1)), [torch.ones(2, 2)])
    >>> found.by_rule, found.unused, found.general
    (('weight', 'bias'), (), ())
    """

    by_rule: tuple[str, ...]
    unused: tuple[str, ...]
    general: tuple[str, ...]
    general_way: str
    """"vmap" or "autograd"."""

    def describe(self) -> str:
        """The routes in words."""
        words = [f"{len(self.by_rule)} tensors by layer rules"] if self.by_rule else []
        if self.general:
            words.append(f"{len(self.general)} by {self.general_way}")
        if self.unused:
            words.append(f"{len(self.unused)} unused")
        return ", ".join(words)

    def without(self, names: Collection[str], *, network: Network, samples: Sequence[Inputs]) -> Routes:
        """The same, with the parameters `names` on the general route."""
        general = tuple(n for n in network.names if n in names or n in self.general)
        return Routes(
            by_rule=tuple(n for n in self.by_rule if n not in names),
            unused=tuple(n for n in self.unused if n not in names),
            general=general,
            general_way=_general_way(network, samples, general),
        )


def find_routes(network: Network, samples: Sequence[Inputs], *, method: str = "auto") -> Routes:
    """Assign a route to every selected parameter; `samples` are sets of one to three placed rows.

    method: "auto"; "layer_rules" refuses what no rule covers; "vmap" or "autograd" use one general way for all.
    """
    check_method(method)
    if method in sample_gradients.WAYS:
        return Routes(by_rule=(), unused=(), general=network.names, general_way=method)
    found = [_agreeing(network, few) for few in samples]
    routes = {name: {each.get(name, "general") for each in found} for name in network.names}
    by_rule = tuple(name for name, of in routes.items() if of == {"rule"})
    unused = tuple(name for name, of in routes.items() if of == {"unused"})
    general = tuple(name for name in network.names if name not in (*by_rule, *unused))
    if general and method == "layer_rules":
        refuse_uncovered(general)
    return Routes(by_rule, unused, general, _general_way(network, samples, general))


def refuse_uncovered(names: Sequence[str]) -> None:
    """Say that parameters are not covered by rules, where rules were insisted on."""
    raise NetworkError(
        f"No layer rule covers '{names[0]}'"
        + (f" and {len(names) - 1} more." if len(names) > 1 else ".")
        + " Its layer has none, or it is also used outside its layer.",
        remedy="Use method='auto', which takes another route for these.",
    )


def _general_way(network: Network, samples: Sequence[Inputs], names: tuple[str, ...]) -> str:
    if not names:
        return "vmap"
    ways = {sample_gradients.working_way(network, few, names=names) for few in samples}
    return "vmap" if ways == {"vmap"} else "autograd"


def _agreeing(network: Network, few: Inputs) -> dict[str, str]:
    """ "rule" for parameters whose rule equals autograd on each row alone, "unused" for those f does not use."""
    if not covered_layers(network):
        return {}
    try:
        same, silent, unused = _compare(network, few, network.names)
        if silent:  # their rules are judged where they do something
            two = take_rows(few, slice(0, 2))
            same_elsewhere, still_silent, _ = _compare(*_elsewhere(network, two), silent)
            same |= same_elsewhere | still_silent
    except (RuntimeError, NotImplementedError, NetworkError):  # hooks that the forward pass does not stand
        return {}
    return dict.fromkeys(same, "rule") | dict.fromkeys(unused, "unused")


def _compare(network: Network, few: Inputs, names: Collection[str]) -> tuple[set[str], set[str], set[str]]:
    """Of `names`: those whose rule equals autograd, those whose gradient is too small to tell, those unused."""
    rows = count_rows(few)
    u = torch.randn(network(few).shape, generator=generator(0, "routes"), dtype=torch.float64)
    u = u.to(network.device, network.dtype)
    uses = capture(network, few, u.unsqueeze(0), names=names).uses
    used = tuple(name for name in uses if uses[name])
    alone = [
        pull_back(network, take_rows(few, slice(i, i + 1)), weights=u[i : i + 1], names=used) for i in range(rows)
    ]
    truths = {name: torch.stack([gradients[name].flatten() for gradients in alone]) for name in used}
    whole = torch.stack([t.norm() for t in truths.values()]).norm() if truths else torch.zeros(())
    same, silent = set(), set()
    for name, truth in truths.items():
        found = as_rows(add_uses(uses[name])).rows[:, 0]
        if float(truth.norm()) <= _SILENT[truth.dtype] * float(whole):
            silent.add(name)
        elif _equal(found, truth):
            same.add(name)
    return same, silent, {name for name in uses if not uses[name]}


def _equal(found: Tensor, truth: Tensor) -> bool:
    if found.shape != truth.shape:
        return False
    tolerance = 1e-8 if truth.dtype == torch.float64 else 2e-3
    return float((found - truth).norm()) <= tolerance * float(truth.norm())


def _elsewhere(network: Network, few: Inputs) -> tuple[Network, Inputs]:
    """The network at other parameters, on other rows: neither dead units nor zero weights hide a use there."""
    draw = generator(0, "elsewhere")

    def moved(tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor
        noise = torch.randn(tensor.shape, generator=draw, dtype=torch.float64).to(tensor)
        size = tensor.square().mean().sqrt()
        return tensor + noise * (size if float(size) > 0 else 0.02)

    other = network.at({name: moved(tensor) for name, tensor in network.parameters.items()})
    return other, map_tensors(moved, few)
