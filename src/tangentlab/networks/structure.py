"""structure: all of a network that is not a number, as a value to compare: what its checks depend on.

Two networks of one structure run the same code on tensors of the same shapes. What is true of the code of one (rows
do not mix, nothing is drawn at random, a layer's calls are all the uses of its weight) is then true of the other's.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from tangentlab.networks.network import Network

_PLAIN = (
    int,
    float,
    complex,
    str,
    bytes,
    type(None),
    type,
    torch.dtype,
    torch.device,
    torch.layout,
    torch.memory_format,
)


class _Opaque(Exception):
    """Something whose state cannot be seen from outside."""


def structure(network: Network) -> Hashable | None:
    """Classes, flags, hooks, attributes, shapes and ties of the whole module; None where it holds an opaque object.

    Functions count as themselves where they close over nothing; any other object that is no plain value, and any
    tensor that is neither parameter nor buffer, makes the module opaque.

    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.1)).eval()
    >>> before = structure(Network(net))
    >>> net[0].weight.data.zero_(); before == structure(Network(net))
    tensor([[0., 0.],
            [0., 0.]])
    True
    >>> net[1].p = 0.2; before == structure(Network(net))
    False
    """
    seen: dict[int, int] = {}
    try:
        parts = tuple(
            (name, type(part), type(part).forward, _sign(vars(part), seen, {"_modules": tuple(part._modules)}))
            for name, part in network.module.named_modules(remove_duplicate=False)
        )
        return parts, network.names, _sign(network.output, seen), network.training_parts, network.prefix
    except _Opaque:
        return None


def _sign(value: Any, seen: dict[int, int], known: Mapping[str, Hashable] | None = None) -> Hashable:
    if isinstance(value, _PLAIN):
        return type(value), value
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        if getattr(value, "__closure__", None) is not None or not isinstance(
            getattr(value, "__self__", None), (types.ModuleType, type(None))
        ):
            raise _Opaque
        return value
    if isinstance(value, partial):
        return partial, _sign(value.func, seen), _sign(value.args, seen), _sign(value.keywords, seen)
    if isinstance(value, Mapping):
        own = known or {}
        return type(value), tuple(
            (key, own[key] if key in own else _registered(of, seen) if key in _REGISTERED else _sign(of, seen))
            for key, of in value.items()
        )
    if isinstance(value, (list, tuple)):
        return type(value), tuple(_sign(each, seen) for each in value)
    if isinstance(value, (set, frozenset)):
        return type(value), frozenset(_sign(each, seen) for each in value)
    raise _Opaque


_REGISTERED = ("_parameters", "_buffers")


def _registered(tensors: Mapping[str, Tensor | None], seen: dict[int, int]) -> Hashable:
    """Shapes and kinds of tensors, which of them are one and the same, and the value of single numbers."""
    return tuple(
        (name, None)
        if tensor is None
        else (
            name,
            type(tensor),
            tuple(tensor.shape),
            tensor.dtype,
            tensor.device,
            seen.setdefault(id(tensor), len(seen)),
            tensor.item() if tensor.numel() == 1 and not isinstance(tensor, torch.nn.Parameter) else None,
        )
        for name, tensor in tensors.items()
    )
