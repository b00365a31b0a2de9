"""Does the forward pass read numbers out of its data? Then Python may branch on them, for a whole batch at once.

Cost      one evaluation, with a Python call for each operation
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tangentlab.networks.evaluation import preserved_random_state
from tangentlab.networks.inputs import Inputs, tensors_of
from tangentlab.networks.network import Network

_READING_OPERATIONS = ("aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero")
_READING_METHODS = ("tolist", "numpy", "__array__")


class _Tainted:
    """Tensors computed from the inputs, kept alive so that their `id` stays theirs."""

    def __init__(self, x: Inputs):
        self.tensors = {id(tensor): tensor for _, tensor in tensors_of(x)}
        self.read = False

    def touches(self, values: Any) -> bool:
        return any(id(value) in self.tensors for value in tree_leaves(values))

    def add(self, values: Any) -> None:
        self.tensors |= {id(value): value for value in tree_leaves(values) if isinstance(value, Tensor)}


class _Operations(TorchDispatchMode):
    """Follows every operation that tensors pass through."""

    def __init__(self, tainted: _Tainted):
        super().__init__()
        self.tainted = tainted

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping it would import torch's compiler: 0.7 s and 100 MB for a network nobody compiles

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = func(*args, **(kwargs or {}))
        if self.tainted.touches((args, kwargs)):
            self.tainted.read |= func.name().split(".")[0] in _READING_OPERATIONS
            self.tainted.add(returned)
        return returned


class _Methods(TorchFunctionMode):
    """Sees the methods that leave torch without an operation."""

    def __init__(self, tainted: _Tainted):
        super().__init__()
        self.tainted = tainted

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in _READING_METHODS and self.tainted.touches(args):
            self.tainted.read = True
        return func(*args, **(kwargs or {}))


def reads_its_data(network: Network, x: Inputs) -> bool:
    """Whether a number computed from `x` (already placed) leaves torch during one evaluation.

    >>> from torch import nn
    >>> class Branches(nn.Linear):
    ...     def forward(self, x):
    ...         return super().forward(x if x.sum() > 0 else -x)
    >>> [reads_its_data(Network(kind(2, 1)), torch.ones(1, 2)) for kind in (nn.Linear, Branches)]
    [False, True]
    """
    tainted = _Tainted(x)
    with torch.no_grad(), preserved_random_state(network.device), _Methods(tainted), _Operations(tainted):
        network.apply({}, x)
    return tainted.read
