"""The outputs of every layer of one forward pass, and the first layer at which two passes part."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network

Trace = list[tuple[str, str, Tensor]]
"""(name, class, first output tensor) of each call, deepest layers first."""


def trace(network: Network, x: Inputs) -> Trace:
    """Run the network once and keep what each of its layers returned, up to one that raises.

    >>> net = Network(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    >>> [name for name, _, _ in trace(net, torch.zeros(1, 2))]
    ['0', '1', '']
    """
    calls: Trace = []

    def hook_for(name: str):
        def keep(module: Any, args: Any, output: Any) -> None:
            first = output[0] if isinstance(output, (tuple, list)) and output else output
            if isinstance(first, Tensor):
                calls.append((name, type(module).__name__, first.detach().clone()))

        return keep

    handles = [part.register_forward_hook(hook_for(name)) for name, part in network.module.named_modules()]
    try:
        with torch.no_grad(), suppress(Exception):
            network.apply({}, x)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def first_disagreement(first: Trace, second: Trace, *, row: int | None = None, tolerance: float) -> str:
    """Words for the first layer whose outputs differ; with `row`, that row of `first` against `second` alone."""
    for (name, kind, a), (_, _, b) in zip(first, second):
        if row is not None:
            if a.ndim == 0 or b.ndim == 0 or b.shape[0] != 1 or a.shape[0] <= row:
                continue
            a = a[row : row + 1]
        if a.shape != b.shape or not a.is_floating_point():
            continue
        scale = max(float(a.abs().max()), float(b.abs().max())) if a.numel() else 0.0
        if a.numel() and float((a - b).abs().max()) > tolerance * scale:
            return f"layer '{name}' ({kind})" if name else f"the module {kind}"
    if len(second) < len(first):
        name, kind, _ = first[len(second)]
        return f"layer '{name}' ({kind})" if name else f"the module {kind}"
    return f"the module {first[-1][1]}" if first else "the model"
