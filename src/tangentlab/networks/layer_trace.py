"""What every layer of one forward pass was given and returned, and the first layer at which two passes part."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network
from tangentlab.networks.precision import largest


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
    pairs = list(zip(first, second))
    for i, (a, b) in enumerate(pairs):
        if _differ(a.returned, b.returned, row, tolerance):
            return _cause(pairs[i:], row, tolerance)
    if len(second) < len(first):
        return _words(first[len(second)])
    return _words(first[-1]) if first else "the model"


def _cause(pairs: list[tuple[LayerCall, LayerCall]], row: int | None, tolerance: float) -> str:
    """The first call of `pairs`, or the module around it that gave it what already differs."""
    (a, b), inner = pairs[0], ""
    while a.name and _differ(a.given, b.given, row, tolerance):
        around = [pair for pair in pairs if not pair[0].name or a.name.startswith(f"{pair[0].name}.")]
        if not around:
            break
        inner, (a, b) = a.name, max(around, key=lambda pair: len(pair[0].name))
    return _words(a) + (f", before its layer '{inner}'," if inner else "")


def _differ(a: Tensor | None, b: Tensor | None, row: int | None, tolerance: float) -> bool:
    if a is None or b is None:
        return False
    if row is not None:
        if a.ndim == 0 or b.ndim == 0 or b.shape[0] != 1 or a.shape[0] <= row:
            return False
        a = a[row : row + 1]
    if a.shape != b.shape or not a.is_floating_point():
        return False
    return largest(a - b) > tolerance * max(largest(a), largest(b))


def _words(call: LayerCall) -> str:
    return f"layer '{call.name}' ({call.kind})" if call.name else f"the module {call.kind}"
