"""What a piece of code asks of the machine: floating point operations, bytes moved, and most bytes held at once."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class OperationCount(TorchDispatchMode):
    """Counts while it is entered; on tensors of the meta device it counts without computing.

    Operations are those of matrix products and convolutions, two for a multiplication and its addition. `peak` counts
    the tensors made inside and not those that were there before, nor what a library allocates for itself.

    >>> A = torch.empty(10, 20, device="meta")
    >>> with OperationCount() as count:
    ...     product = A @ A.T
    >>> count.operations, count.peak, count.moved
    (4000, 400, 2000)
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.moved = 0
        """Bytes read and written, if every operand were fetched from memory."""
        self.live = 0
        self.peak = 0
        self._known: set[int] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping it would import torch's compiler

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        returned = func(*args, **kwargs)
        given = list(_tensors((args, *kwargs.values())))
        there = {tensor.untyped_storage()._cdata for tensor in given}
        made = list(_tensors(returned))
        for tensor in made:
            storage = tensor.untyped_storage()
            if storage._cdata not in there and storage._cdata not in self._known:
                self._known.add(storage._cdata)
                self.live += storage.nbytes()
                weakref.finalize(storage, self._released, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.live)
        if any(tensor.untyped_storage()._cdata not in there for tensor in made) or func._schema.is_mutable:
            self.moved += sum(tensor.numel() * tensor.element_size() for tensor in (*given, *made))
        self.operations += _operations(func, args, kwargs, returned)
        return returned

    def _released(self, storage: int, size: int) -> None:
        self._known.discard(storage)
        self.live -= size


def _operations(func: Any, args: Any, kwargs: Any, returned: Any) -> int:
    count = flop_registry.get(func._overloadpacket)
    if count is not None:
        return count(*args, **kwargs, out_val=returned)
    if func.namespace == "mkldnn" and isinstance(returned, Tensor) and len(args) > 1:
        weight = args[1]  # (o, i) of a product, (o, i, *kernel) of a convolution
        return 2 * returned.numel() * (weight.numel() // max(1, weight.shape[0]))
    return 0


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from _tensors(each)
