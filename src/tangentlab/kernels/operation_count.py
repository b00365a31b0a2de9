"""What a piece of code asks of the machine: floating point operations, bytes moved, and most bytes held at once."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from tangentlab.kernels.heap import Event

_BLOCK = 16
"""Channels in a block: the numbers of float32 in the widest register."""

_PLAIN = 3
"""Channels up to which oneDNN reads an image as it lies."""

_CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)


class OperationCount(TorchDispatchMode):
    """Counts while it is entered; on tensors of the meta device it counts without computing.

    Operations are those of matrix products and convolutions, two for a multiplication and its addition. `peak` counts
    the tensors made inside and not those that were there before, and the copies that a convolution makes of what it
    reads and writes, which live as long as it runs.

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
        self.events: list[Event] = []
        """What was taken and freed, in order; blocks are numbered from 0."""
        self.numbers: dict[int, int] = {}
        """The number of the block behind each storage, by its address, while it lives."""
        self._taken = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping it would import torch's compiler

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        returned = func(*args, **kwargs)
        given = list(_tensors((args, *kwargs.values())))
        there = {tensor.untyped_storage()._cdata for tensor in given}
        made = list(_tensors(returned))
        copied = _copied(func, args, made)
        for tensor in made:
            storage = tensor.untyped_storage()
            if storage._cdata not in there and storage._cdata not in self.numbers:
                self.numbers[storage._cdata] = self._taken
                self.events.append((self._taken, storage.nbytes()))
                self._taken += 1
                self.live += storage.nbytes()
                weakref.finalize(storage, self._released, storage._cdata, storage.nbytes())
        for end in (False, True):
            self.events += [(self._taken + i, -1 if end else size) for i, size in enumerate(copied)]
        self._taken += len(copied)
        self.peak = max(self.peak, self.live + sum(copied))
        if any(tensor.untyped_storage()._cdata not in there for tensor in made) or func._schema.is_mutable:
            self.moved += sum(map(_bytes, (*given, *made)))
        self.operations += _operations(func, args, kwargs, returned)
        return returned

    def _released(self, storage: int, size: int) -> None:
        self.events.append((self.numbers.pop(storage), -1))
        self.live -= size


def _operations(func: Any, args: Any, kwargs: Any, returned: Any) -> int:
    count = flop_registry.get(func._overloadpacket)
    if count is not None:
        return count(*args, **kwargs, out_val=returned)
    if func.namespace == "mkldnn" and isinstance(returned, Tensor) and len(args) > 1:
        weight = args[1]  # (o, i) of a product, (o, i, *kernel) of a convolution
        return 2 * returned.numel() * (weight.numel() // max(1, weight.shape[0]))
    return 0


def _copied(func: Any, args: Any, made: Sequence[Tensor]) -> list[int]:
    """Bytes of the blocks that an operation on a CPU holds beside its operands and results.

    Of weights nothing: their size is that of the network and not of the rows. In convolutions oneDNN reads and writes
    channels in blocks; where it does not compute, in float64, windows are written out. In products it reads matrices
    without gaps; `product` copies others, where there are values.
    """
    if func is torch.ops.aten.mm.default and args[0].is_meta and args[0].dtype == torch.float32:
        return [_bytes(A) for A in args if not (A.is_contiguous() or A.T.is_contiguous())]
    if func._overloadpacket not in _CONVOLUTIONS or not made or args[0].device.type == "cuda":
        return []
    if func._overloadpacket is torch.ops.aten.convolution:
        x, weight, out = args[0], args[1], made[0]
        read = [x]
    else:
        out, x, weight = args[:3]
        read = [out, x]
    if x.dtype == torch.float64:
        return [_bytes(x[:, :, *[0] * (x.ndim - 2)]) * math.prod(weight.shape[2:]) * math.prod(out.shape[2:])]
    return [_blocked(tensor) for tensor in (*read, *made)]


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _blocked(tensor: Tensor) -> int:
    """Bytes of a tensor whose channels are rounded up to whole blocks; none where it is read as it lies."""
    if tensor.ndim < 3 or tensor.shape[1] <= _PLAIN:
        return 0
    channels = -(-tensor.shape[1] // _BLOCK) * _BLOCK
    return tensor.element_size() * tensor.shape[0] * channels * math.prod(tensor.shape[2:])


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from _tensors(each)
