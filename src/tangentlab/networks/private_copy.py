"""A private view of a user's module: its own structure, hooks and flags, so that nothing done to it comes back.

Parameters and buffers are cloned (or shared, when the caller promises not to write), ties between them are kept,
and in-place activations are switched off in the view, because a tangent needs the values they would overwrite.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._errors import NetworkError

_CONTAINERS = (OrderedDict, dict, set)


def private_copy(module: nn.Module, *, share: bool = False) -> nn.Module:
    """A structural copy of `module` with every parameter detached and `requires_grad` off.

    >>> user = nn.Sequential(nn.Linear(2, 1), nn.ReLU(inplace=True))
    >>> view = private_copy(user)
    >>> view[1].inplace, user[1].inplace, view[0].weight.requires_grad
    (False, True, False)
    """
    memo: dict[int, Any] = {}
    for name, tensor in list(module.named_parameters()) + list(module.named_buffers()):
        _refuse_lazy(name, tensor)
        data = tensor.detach() if share else tensor.detach().clone()
        memo[id(tensor)] = nn.Parameter(data, requires_grad=False) if isinstance(tensor, nn.Parameter) else data
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, Tensor) and id(value) not in memo:
                memo[id(value)] = value.detach().clone()  # deepcopy refuses tensors inside a graph
            elif type(value) in _CONTAINERS and not value:
                memo[id(value)] = type(value)()  # a dozen a layer, each of which deepcopy takes apart
    try:
        view = copy.deepcopy(module, memo)
    except Exception as error:
        raise NetworkError(
            f"The module {type(module).__name__} cannot be copied ({type(error).__name__}: {error}).",
            remedy="Remove locks, open files and generators from its attributes, or give a callable (params, x).",
        ) from error
    for part in view.modules():
        if getattr(part, "inplace", None) is True:
            vars(part)["inplace"] = False
    return view


def converted(module: nn.Module, *, dtype: torch.dtype) -> nn.Module:
    """A private copy whose real parameters and buffers are in `dtype`."""
    return private_copy(module, share=True).to(dtype=dtype)


def _refuse_lazy(name: str, tensor: Tensor) -> None:
    if nn.parameter.is_lazy(tensor):
        raise NetworkError(
            f"'{name}' is a lazy parameter without a shape yet.",
            remedy="Run one forward pass of your module first.",
        )
