"""How far rounding may part two evaluations of the same rows, in the precision that a network really works in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs
from tangentlab.networks.network import Network

ROUNDING: Mapping[torch.dtype, float] = {
    torch.float64: 1e-9,
    torch.float32: 2e-4,
    torch.float16: 5e-2,
    torch.bfloat16: 2e-1,
}
"""Relative to the largest output: a few thousand roundings, amplified by the conditioning of a usual network."""


class _Lowest(TorchDispatchMode):
    """Keeps the coarsest real dtype that any operation returns."""

    def __init__(self, start: torch.dtype):
        super().__init__()
        self.dtype = start

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping it would import torch's compiler

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(returned):
            if isinstance(tensor, Tensor) and tensor.dtype in ROUNDING:
                self.dtype = max(self.dtype, tensor.dtype, key=ROUNDING.__getitem__)
        return returned


def lowest_precision(network: Network, x: Inputs) -> torch.dtype:
    """The coarsest dtype of one evaluation: a layer may cast to another than its parameters'.

    >>> from torch import nn
    >>> lowest_precision(Network(nn.Linear(2, 1).double()), torch.zeros(1, 2).double())
    torch.float64
    """
    start = network.dtype if network.dtype in ROUNDING else torch.float32
    with _Lowest(start) as mode, torch.no_grad(), preserved_random_state(network.device):
        network.apply({}, x)
    return mode.dtype


def largest(tensor: Tensor) -> float:
    """The largest magnitude in a tensor, 0 in an empty one.

    >>> largest(torch.tensor([1.0, -2.0])), largest(torch.zeros(0))
    (2.0, 0.0)
    """
    return float(tensor.detach().abs().max()) if tensor.numel() else 0.0


def agree(a: Tensor, b: Tensor, *, tolerance: float) -> bool:
    """Whether two outputs are equal up to `tolerance` of the larger one.

    >>> agree(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]), tolerance=0.1)
    True
    """
    if a.shape != b.shape:
        return False
    return largest(a - b) <= tolerance * max(largest(a), largest(b))


def agree_up_to_rounding(network: Network, x: Inputs, a: Tensor, b: Tensor) -> bool:
    """Whether two outputs of `network` are equal up to its rounding; the coarse dtypes are looked for only if not."""
    if agree(a, b, tolerance=ROUNDING.get(network.dtype, ROUNDING[torch.float32])):
        return True
    return agree(a, b, tolerance=ROUNDING[lowest_precision(network, x)])
