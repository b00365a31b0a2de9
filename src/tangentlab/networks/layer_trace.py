"""What every layer of one forward pass was given and returned, and the first layer at which two passes part."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer: its name and class, and the first tensor it was given and returned."""

    name: str
    kind: str
    given: Tensor | None
    returned: Tensor


Trace = list[LayerCall]
"""The calls in the order in which they returned: deepest layers first."""


def trace(network: Network, x: Inputs) -> Trace:
    """Run the network once and keep what each of its layers was given and returned, up to one that raises.

    >>> net = Network(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    >>> [call.name for call in trace(net, torch.zeros(1, 2))]
    ['0', '1', '']
    """
    calls: Trace = []

    def hook_for(name: str):
        def keep(module: Any, args: Any, kwargs: Any, output: Any) -> None:
            returned = _first_tensor(output if isinstance(output, (tuple, list)) else (output,))
            if returned is not None:
                given = _first_tensor((*args, *kwargs.values()))
                calls.append(LayerCall(name, type(module).__name__, given, returned))

        return keep

    handles = [
        part.register_forward_hook(hook_for(name), with_kwargs=True)
        for name, part in network.module.named_modules()
    ]
    try:
        with torch.no_grad(), suppress(Exception):
            network.apply({}, x)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _first_tensor(values: Any) -> Tensor | None:
    for value in values:
        if isinstance(value, Tensor):
            return value.detach().clone()
    return None


def first_disagreement(first: Trace, second: Trace, *, row: int | None = None, tolerance: float) -> str:
    """Words for where two passes part; with `row`, that row of `first` against `second` on it alone.

    The first layer whose output differs is named where its input agrees; where already its input differs, the
    cause lies in the forward pass of the module around it.
    """
    for a, b in zip(first, second):
        if _differ(a.returned, b.returned, row, tolerance):
            if a.given is not None and b.given is not None and _differ(a.given, b.given, row, tolerance):
                return _words(*_around(first, a.name)) + (f", before its layer '{a.name}'," if a.name else "")
            return _words(a.name, a.kind)
    if len(second) < len(first):
        return _words(first[len(second)].name, first[len(second)].kind)
    return _words(first[-1].name, first[-1].kind) if first else "the model"


def _differ(a: Tensor, b: Tensor, row: int | None, tolerance: float) -> bool:
    if row is not None:
        if a.ndim == 0 or b.ndim == 0 or b.shape[0] != 1 or a.shape[0] <= row:
            return False
        a = a[row : row + 1]
    if a.shape != b.shape or not a.is_floating_point() or not a.numel():
        return False
    scale = max(float(a.abs().max()), float(b.abs().max()))
    return float((a - b).abs().max()) > tolerance * scale


def _around(calls: Trace, name: str) -> tuple[str, str]:
    """The module that contains a layer: it returned later in the same pass."""
    parent = name.rpartition(".")[0]
    kinds = {call.name: call.kind for call in calls}
    return (parent, kinds[parent]) if parent in kinds else ("", calls[-1].kind)


def _words(name: str, kind: str) -> str:
    return f"layer '{name}' ({kind})" if name else f"the module {kind}"
