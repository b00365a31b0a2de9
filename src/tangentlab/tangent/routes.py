"""Which route each parameter takes, found by comparing with plain autograd on a handful of rows, never by hope.

A parameter takes its layer's rule only if the layer's calls are all of its uses and the rule reproduces, row by row,
the gradient that autograd finds for that row alone. A weight used a second time outside its layer, a layer called on
transposed or reordered rows, an overwritten value: all of them fail this comparison and take the general route.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import NetworkError, UnknownNameError
from tangentlab._seeds import generator
from tangentlab.networks.inputs import Inputs, count_rows, map_tensors, take_rows
from tangentlab.networks.network import Network
from tangentlab.tangent import sample_gradients
from tangentlab.tangent.capture import capture, covered_layers
from tangentlab.tangent.factors import as_rows
from tangentlab.tangent.joined_factors import add_uses, some_rows
from tangentlab.tangent.operations import ORDERS
from tangentlab.tangent.products import pull_back
from tangentlab.tangent.row_copies import Placing, loose_parameters, placings

METHODS = ("auto", "layer_rules", "vmap", "autograd")

_ROUNDING = {torch.float64: (1e-8, 1e-12), torch.float32: (2e-3, 1e-5)}
"""By how much rule and autograd may differ: of the gradient, and of the terms it is the sum of."""

_MOST_COPIED = 64
"""Parameters outside layers up to which each is tried with copies for each row: a pass over a few rows for a try."""

_PLACES = 4
"""Random points at which a rule is judged that the rows given cannot tell about."""


def check_method(method: str) -> None:
    """Refuse a method that is none of `METHODS`.

    >>> check_method("auto")
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)


@dataclass(frozen=True)
class Routes:
    """The parameters that take layer rules, those copied for each row, those unused, and those on the general route.

    >>> found = find_routes(Network(torch.nn.Linear(2, 1)), [torch.ones(2, 2)])
    >>> found.by_rule, found.unused, found.general
    (('weight', 'bias'), (), ())
    """

    by_rule: tuple[str, ...]
    unused: tuple[str, ...]
    general: tuple[str, ...]
    general_way: str
    """"vmap" or "autograd"."""
    copied: tuple[tuple[str, Placing], ...] = ()
    operated: tuple[tuple[str, str], ...] = ()
    """Parameters whose uses are read off the graph, with the order of rows in them."""

    @property
    def captured(self) -> tuple[str, ...]:
        """The parameters whose gradients come out of one pass over all rows."""
        return (*self.by_rule, *(name for name, _ in (*self.copied, *self.operated)))

    def describe(self) -> str:
        """The routes in words."""
        words = [f"{len(self.by_rule)} tensors by layer rules"] if self.by_rule else []
        if self.operated:
            words.append(f"{len(self.operated)} by the operations they enter")
        if self.copied:
            words.append(f"{len(self.copied)} by copies for each row")
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
            copied=tuple((name, axes) for name, axes in self.copied if name not in names),
            operated=tuple((name, order) for name, order in self.operated if name not in names),
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
    operated = _operated(network, samples, general)
    general = tuple(name for name in general if name not in operated)
    copied = _copied(network, samples, general)
    general = tuple(name for name in general if name not in copied)
    way = _general_way(network, samples, general)
    return Routes(by_rule, unused, general, way, tuple(copied.items()), tuple(operated.items()))


def _operated(network: Network, samples: Sequence[Inputs], names: Sequence[str]) -> dict[str, str]:
    """Of `names`, those whose uses are products and shifts that give each row's gradient, and in which order."""
    found: dict[str, str] = {}
    for order in ORDERS:
        left = dict.fromkeys((name for name in names if name not in found), order)
        if left:
            with suppress(RuntimeError, NotImplementedError, NetworkError):
                agreeing = [_compare(network, few, (), operated=left)[0] for few in samples]
                found |= dict.fromkeys((name for name in left if all(name in each for each in agreeing)), order)
    return found


def _copied(network: Network, samples: Sequence[Inputs], names: Sequence[str]) -> dict[str, Placing]:
    """Of `names`, those of which a copy for each row gives each row's gradient, and how the copies are placed."""
    found: dict[str, Placing] = {}
    own = network.selected_tensors
    loose = loose_parameters(network.module, [network.prefix + name for name in names])
    names = [name for name in names if network.prefix + name in loose]
    refused: set[tuple[torch.Size, Placing]] = set()
    for name in names if len(names) <= _MOST_COPIED else ():
        for axes in placings(own[name]):
            if (own[name].shape, axes) not in refused:
                if all(_copies_agree(network, few, name, axes) for few in samples):
                    found[name] = axes
                    break
                refused.add((own[name].shape, axes))
    return found


def _copies_agree(network: Network, few: Inputs, name: str, axes: Placing) -> bool:
    try:
        return name in _compare(network, few, (), copied={name: axes})[0]
    except (RuntimeError, NotImplementedError, NetworkError):  # copies that do not fit where the parameter did
        return False


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
    ways = {sample_gradients.find_gradient_way(network, few, names=names) for few in samples}
    return "vmap" if ways == {"vmap"} else "autograd"


def _agreeing(network: Network, few: Inputs) -> dict[str, str]:
    """ "rule" for parameters whose rule equals autograd on each row alone, "unused" for those f does not use."""
    if not covered_layers(network):
        return {}
    try:
        same, dead, unused = _compare(network, few, network.names)
    except (RuntimeError, NotImplementedError, NetworkError):  # hooks that the forward pass does not stand
        return {}
    for place in range(_PLACES):  # dead units, zero weights and closed gates hide what a rule does
        if dead:
            with suppress(RuntimeError, NotImplementedError, NetworkError):
                same_there, dead, _ = _compare(*_elsewhere(network, few, place), dead)
                same |= same_there
    return dict.fromkeys(same, "rule") | dict.fromkeys(unused, "unused")


def _compare(
    network: Network,
    few: Inputs,
    names: Collection[str],
    *,
    copied: Mapping[str, Placing] | None = None,
    operated: Mapping[str, str] | None = None,
) -> tuple[set[str], set[str], set[str]]:
    """Of `names`: those whose rule equals autograd, those for which too few rows can tell, those f does not use."""
    rows = count_rows(few)
    u = torch.randn(network(few).shape, generator=generator(0, "routes"), dtype=torch.float64)
    u = u.to(network.device, network.dtype)
    captured = capture(network, few, u.unsqueeze(0), names=names, copied=copied, operated=operated, measured=True)
    used = tuple(name for name, uses in captured.uses.items() if uses)
    if not used:
        return set(), set(), set(captured.uses)
    terms = {name: add_uses(captured.uses[name]) for name in used}
    fits = {name: True for name in used}
    size, difference, alive = (dict.fromkeys(used, 0.0) for _ in range(3))
    for i in range(rows):  # written out for one row at a time: all rows together take more than a small kernel
        row = slice(i, i + 1)
        truth = pull_back(network, take_rows(few, row), weights=u[row], names=used)
        for name in used:
            true, found = truth.pop(name).flatten(), as_rows(some_rows(terms[name], row)).rows.flatten()
            norm = float(true.norm())
            size[name] += norm**2
            alive[name] += norm > 0
            fits[name] = fits[name] and found.shape == true.shape
            difference[name] += float((found - true).norm()) ** 2 if fits[name] else 0.0
    relative, absolute = _ROUNDING[network.dtype]
    same, dead = set(), set()
    for name in used:
        allowed = relative * size[name] ** 0.5 + absolute * captured.sizes[name]
        if fits[name] and difference[name] ** 0.5 <= allowed:
            # gradients of one row alone do not tell whose row a layer's slice is
            (same if alive[name] >= min(2, rows) else dead).add(name)
    return same, dead, {name for name, uses in captured.uses.items() if not uses}


def _elsewhere(network: Network, few: Inputs, place: int) -> tuple[Network, Inputs]:
    """The network at other parameters, on other rows."""
    draw = generator(0, "elsewhere", place)

    def moved(tensor: Tensor) -> Tensor:
        noise = torch.randn(tensor.shape, generator=draw, dtype=torch.float64).to(tensor)
        size = tensor.square().mean().sqrt()
        return tensor + noise * (size if float(size) > 0 else 0.02)

    def other(tensor: Tensor) -> Tensor:
        if tensor.is_floating_point():
            return moved(tensor - tensor.mean()) - tensor + 2 * tensor.mean()
        if place < _PLACES // 2 or tensor.dtype == torch.bool or tensor.is_complex():
            return tensor
        low, high = int(tensor.min()), int(tensor.max())
        return torch.randint(low, high + 1, tensor.shape, generator=draw).to(tensor)

    moved_network = network.at({name: moved(tensor) for name, tensor in network.parameters.items()})
    return moved_network, map_tensors(other, few)
