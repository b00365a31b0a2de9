"""One forward and q backward passes through hooks: the per-sample gradients of every covered layer at once.

The backward passes stop at the outputs of layers; no gradient of a parameter is ever formed. What a layer was given
and the gradient of what it returned go through its rule (`layer_rules`). The graph that autograd recorded then tells
whether the hooks saw every use of a parameter: a second use outside any layer shows there even where it is zero.
Cost      one forward pass and q input-gradient backward passes for all rows together
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from tangentlab._errors import NetworkError
from tangentlab.linalg.quick_products import QuickProducts
from tangentlab.networks.autograd_graph import count_uses
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs, count_rows
from tangentlab.networks.network import Network
from tangentlab.tangent.factors import Factor, Rows
from tangentlab.tangent.joined_factors import fold
from tangentlab.tangent.layer_rules import ScaleRule, rule_for, unbatched
from tangentlab.tangent.operations import Operation, operations_on
from tangentlab.tangent.output_gradients import Sums, output_gradients
from tangentlab.tangent.row_copies import Placing, row_copies

Uses = dict[str, list[Factor]]
"""For each parameter, one factor for each time a layer used it; none if f does not depend on it."""


@dataclass(frozen=True)
class Captured:
    """The uses of those parameters of which every use was seen, and f(x)."""

    uses: Uses
    sizes: dict[str, float]
    """For each of them Σ ‖z̄‖ (1 + ‖x‖) over its layers' calls: how large its terms are even where they cancel."""
    outputs: Tensor


@dataclass
class _Call:
    """One call of a layer: its input, and where in the graph its output stands, whose numbers it does not hold."""

    layer: nn.Module
    x: Tensor
    z: InitVar[Tensor]
    edge: GradientEdge = field(init=False)
    slices: int = field(init=False)
    """Length of the output's first axis."""
    _watched: list[tuple[Tensor, int]] = field(init=False)
    """What must not be overwritten, with its version: of the outputs views alone, as that changes their place."""

    def __post_init__(self, z: Tensor) -> None:
        self.edge, self.slices = get_gradient_edge(z), len(z)
        self._watched = [(each, each._version) for each in ((self.x, z) if z._is_view() else (self.x,))]

    @property
    def overwritten(self) -> bool:
        return any(each._version != version for each, version in self._watched)


class _Overwritten(Exception):
    """An in-place operation destroyed a value that a rule needs."""


def covered_layers(network: Network, names: Iterable[str] | None = None) -> dict[str, nn.Module]:
    """The layers that have a rule and one of the parameters `names` (default: all selected), by name.

    >>> list(covered_layers(Network(nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)), parameters="2.*")))
    ['2']
    """
    own = network.selected_tensors
    wanted = {id(own[name]) for name in (own if names is None else names)}
    return {
        name: layer
        for name, layer in network.module.named_modules()
        if any(id(t) in wanted for t in layer._parameters.values()) and rule_for(layer) is not None
    }


def capture(
    network: Network,
    x: Inputs,
    cotangents: Tensor,
    *,
    names: Iterable[str] | None = None,
    copied: Mapping[str, Placing] | None = None,
    operated: Mapping[str, str] | None = None,
    outputs_first: bool = False,
    measured: bool = False,
) -> Captured:
    """Factors of the per-sample gradients of q combinations of the outputs, for the parameters named.

    `x` already placed; `cotangents` (q, c) the same for every row, or (q, n, c) one set for each. A parameter of
    `names` is left out when an operation other than its layers' used it; those of `copied` have a copy for each row
    and no check but the caller's; those of `operated` are left out when an operation that `operations_on` does not
    know used them, and the order of their rows is the caller's to check. `outputs_first` orders the gradients of one
    position (q, n, o) in memory; their shape stays. `measured` fills in `sizes`.

    >>> net = Network(nn.Linear(2, 1))
    >>> found = capture(net, torch.ones(3, 2), torch.eye(1))
    >>> found.uses["weight"][0].rows().rows.flatten(1).tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    names = tuple(network.names if names is None else names)
    copies = row_copies(network.selected_tensors, copied or {}, rows=count_rows(x))
    with preserved_random_state(network.device):
        try:
            return _capture(network, x, cotangents, names, copies, operated or {}, False, outputs_first, measured)
        except _Overwritten:
            return _capture(network, x, cotangents, names, copies, operated or {}, True, outputs_first, measured)


def _capture(
    network: Network,
    x: Inputs,
    cotangents: Tensor,
    names: tuple[str, ...],
    copies: Mapping[str, Tensor],
    operated: Mapping[str, str],
    clone: bool,
    outputs_first: bool,
    measured: bool,
) -> Captured:
    rows = count_rows(x)
    calls: list[_Call] = []

    def keep(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        given: Any = args[0] if args else kwargs.get("input")
        if not (isinstance(given, Tensor) and isinstance(output, Tensor) and output.requires_grad):
            return None
        if unbatched(layer, given):
            return None
        changed = clone
        if output.shape[0] == 1 and rows > 1 and given.shape[0] == 1:  # one table entry shared by every row
            output, given = output.expand(rows, *output.shape[1:]), given.expand(rows, *given.shape[1:])
            output, changed = output.clone(), True
        calls.append(_Call(layer, given.detach().clone() if clone else given.detach(), output))
        return output.clone() if changed else None

    layers = covered_layers(network, names).values()
    # before the user's own hooks, which may change what the layer returned
    handles = [layer.register_forward_hook(keep, with_kwargs=True, prepend=True) for layer in layers]
    try:
        with (
            QuickProducts() as quick,
            torch.enable_grad(),
            network.differentiable([*names, *operated]),
        ):
            f = network.apply(copies, x)
            seen = list(calls)  # a checkpointed part runs again, hooks and all, in the backward pass
            counts = count_uses(f)
            own = network.selected_tensors
            operations = operations_on(f, {id(own[name]): name for name in operated}) if operated else {}
            edges = [use.edge for uses in operations.values() for use in uses]
            ends = [*(call.edge for call in seen), *copies.values(), *edges]
            sums = _sums(seen, rows) if len(cotangents) > 1 else None
            with quick.backward():
                gradients = output_gradients(f, ends, cotangents, outputs_first=outputs_first, sums=sums)
    except (RuntimeError, NetworkError) as error:
        if not clone and "in-place" in str(error):
            raise _Overwritten from error
        raise
    finally:
        for handle in handles:
            handle.remove()
    if any(call.overwritten for call in seen):
        if clone:
            raise NetworkError(
                "A layer's output is overwritten in place after it was read.",
                remedy="Use method='autograd', or replace the in-place operation.",
            )
        raise _Overwritten
    used = [(call, gradient) for call, gradient in zip(seen, gradients) if gradient is not None]
    with torch.no_grad():
        uses, sizes = _apply_rules(network, names, used, rows, measured)
        rest = iter(gradients[len(seen) :])
        for name, gradient in zip(copies, rest):
            assert not isinstance(gradient, dict)
            uses[name] = [] if gradient is None else [Rows(gradient.reshape(*gradient.shape[:2], -1))]
            sizes[name] = float(gradient.norm()) if measured and gradient is not None else 0.0
        for name, taken in operations.items():
            pairs = [(use, gradient) for use, gradient in zip(taken, rest) if isinstance(gradient, Tensor)]
            factors = [use.factor(gradient, rows=rows, order=operated[name]) for use, gradient in pairs]
            fitting = [factor for factor in factors if factor is not None]
            if len(fitting) == len(factors):
                uses[name], sizes[name] = fitting, _size(pairs) if measured else 0.0
    seen_all = {name for name in names if len(uses[name]) == counts[id(own[name])]}
    known = (*(name for name in names if name in seen_all), *copies, *(name for name in operated if name in uses))
    found = {name: uses[name] for name in known}
    return Captured(found, sizes, f.detach())


def _sums(calls: list[_Call], rows: int) -> dict[int, Sums]:
    """For the calls of layers that need no more than sums of their output's gradients: those sums."""
    found: dict[int, Sums] = {}
    for place, call in enumerate(calls):
        rule = rule_for(call.layer)
        if isinstance(rule, ScaleRule) and _by_rows(call, rows):
            with torch.no_grad():
                scaled = rule.scaled(call.layer, call.x)
            found[place] = partial(rule.sums, call.layer, scaled) if scaled is not None else _none
    return found


def _size(uses: list[tuple[Operation, Tensor]]) -> float:
    return sum(float(G.norm()) * (1 if use.inputs is None else 1 + float(use.inputs.norm())) for use, G in uses)


def _none(G: Tensor) -> dict[str, Factor]:
    return {}


def _by_rows(call: _Call, rows: int) -> bool:
    """Whether a layer's slices are those of the rows; other uses will be found missing."""
    return call.slices % rows == 0 and call.x.shape[0] == call.slices


def _apply_rules(
    network: Network,
    names: tuple[str, ...],
    calls: list[tuple[_Call, Tensor | dict[str, Factor]]],
    rows: int,
    measured: bool,
) -> tuple[Uses, dict[str, float]]:
    own = network.selected_tensors
    named = {id(own[name]): name for name in names}
    uses: Uses = {name: [] for name in names}
    sizes = dict.fromkeys(names, 0.0)
    for call, gradient in calls:
        rule = rule_for(call.layer)
        if rule is None or not _by_rows(call, rows):
            continue
        size = 0.0
        if isinstance(gradient, Tensor):
            size = float(gradient.norm() * (1 + call.x.double().norm())) if measured else 0.0
            gradient = rule(call.layer, call.x, gradient)
        for local, factor in gradient.items():
            tensor = call.layer._parameters.get(local)
            if tensor is not None and id(tensor) in named:
                uses[named[id(tensor)]].append(fold(factor, rows))
                sizes[named[id(tensor)]] += size
    return uses, sizes
