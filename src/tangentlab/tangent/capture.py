"""One forward and q backward passes through hooks: the per-sample gradients of every covered layer at once.

The backward passes stop at the outputs of layers; no gradient of a parameter is ever formed. What a layer was given
and the gradient of what it returned go through its rule (`layer_rules`).
Cost      one forward pass and q input-gradient backward passes for all rows together
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import NetworkError
from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs, count_rows, map_tensors
from tangentlab.networks.network import Network
from tangentlab.tangent.factors import Factor, fold
from tangentlab.tangent.layer_rules import rule_for, unbatched


@dataclass
class _Call:
    """One call of a layer: its input, its output, and the versions that tell whether either was overwritten."""

    layer: nn.Module
    name: str
    x: Tensor
    z: Tensor
    versions: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.versions = (self.x._version, self.z._version)

    @property
    def overwritten(self) -> bool:
        return self.versions != (self.x._version, self.z._version)


class _Overwritten(Exception):
    """An in-place operation destroyed a value that a rule needs."""


Uses = dict[str, list[Factor]]
"""For each parameter, one factor for each time a layer used it."""


def covered_layers(network: Network) -> dict[str, nn.Module]:
    """The layers that have a rule and a selected parameter, by name.

    >>> list(covered_layers(Network(nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)), parameters="2.*")))
    ['2']
    """
    selected = {id(tensor) for tensor in network.selected_tensors.values()}
    return {
        name: layer
        for name, layer in network.module.named_modules()
        if rule_for(layer) is not None and any(id(t) in selected for t in layer._parameters.values())
    }


def capture(network: Network, x: Inputs, cotangents: Tensor, *, layers: Mapping[str, nn.Module]) -> Uses:
    """Factors of the per-sample gradients of q combinations of the outputs.

    `x` already placed; `cotangents` (q, c) the same for every row, or (q, n, c) one set for each.

    >>> net = Network(nn.Linear(2, 1))
    >>> uses = capture(net, torch.ones(3, 2), torch.eye(1), layers=covered_layers(net))
    >>> uses["weight"][0].rows().rows.flatten(1).tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    with preserved_random_state(network.device):
        try:
            return _capture(network, x, cotangents, layers, clone=False)
        except _Overwritten:
            return _capture(network, x, cotangents, layers, clone=True)


def _capture(
    network: Network, x: Inputs, cotangents: Tensor, layers: Mapping[str, nn.Module], *, clone: bool
) -> Uses:
    rows = count_rows(x)
    calls: list[_Call] = []

    def hook_for(name: str):
        def keep(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
            given: Any = args[0] if args else kwargs.get("input")
            if not (isinstance(given, Tensor) and isinstance(output, Tensor) and torch.is_grad_enabled()):
                return None
            if unbatched(layer, given):
                return None
            changed = clone
            if output.shape[0] == 1 and rows > 1 and given.shape[0] == 1:  # one table entry shared by every row
                output, given = output.expand(rows, *output.shape[1:]), given.expand(rows, *given.shape[1:])
                output, changed = output.clone(), True
            if not output.requires_grad:
                output = output.detach().requires_grad_() if changed else output.requires_grad_()
            calls.append(_Call(layer, name, given.detach().clone() if clone else given.detach(), output))
            return output.clone() if changed else None

        return keep

    handles = [layer.register_forward_hook(hook_for(name), with_kwargs=True) for name, layer in layers.items()]
    try:
        with torch.enable_grad():
            f = network.apply({}, map_tensors(torch.clone, x))
        gradients = _pull_to_outputs(f, [call.z for call in calls], cotangents)
    except RuntimeError as error:
        if not clone and "in-place" in str(error):
            raise _Overwritten from error
        raise
    finally:
        for handle in handles:
            handle.remove()
    if any(call.overwritten for call in calls):
        if clone:
            raise NetworkError(
                "A layer's output is overwritten in place after it was read.",
                remedy="Use method='autograd', or replace the in-place operation.",
            )
        raise _Overwritten
    with torch.no_grad():
        return _apply_rules(network, calls, gradients, rows)


def _pull_to_outputs(f: Tensor, outputs: list[Tensor], cotangents: Tensor) -> list[Tensor]:
    """∂⟨u_q, f⟩/∂z for each layer output z, stacked as (rows of z, q, ...)."""
    collected: list[list[Tensor]] = [[] for _ in outputs]
    for q, u in enumerate(cotangents):
        found: Any = [None] * len(outputs)
        if f.requires_grad and outputs:
            keep = q + 1 < len(cotangents)
            found = torch.autograd.grad(f, outputs, u.expand_as(f), retain_graph=keep, allow_unused=True)
        for stack, z, gradient in zip(collected, outputs, found):
            stack.append(torch.zeros_like(z) if gradient is None else gradient)
    return [torch.stack(stack, dim=1) for stack in collected]


def _apply_rules(network: Network, calls: list[_Call], gradients: list[Tensor], rows: int) -> Uses:
    names = {id(tensor): name for name, tensor in network.selected_tensors.items()}
    uses: Uses = {}
    for call, gradient in zip(calls, gradients):
        rule = rule_for(call.layer)
        if rule is None or call.z.shape[0] % rows or call.x.shape[0] != call.z.shape[0]:
            continue  # its parameters will be found uncovered
        for local, factor in rule(call.layer, call.x, gradient).items():
            tensor = call.layer._parameters.get(local)
            if tensor is not None and id(tensor) in names:
                uses.setdefault(names[id(tensor)], []).append(fold(factor, rows))
    return uses
