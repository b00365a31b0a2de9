"""A second device on a machine that has none: tensors of the CPU that say they are elsewhere, and insist on it.

An operation of a tensor here with one there is refused, as between a CPU and a GPU; what has no dimension, and indices,
may come from the CPU, as torch allows. Numbers are those of the CPU, so that readings can be compared with its own.
"""

from contextlib import contextmanager
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

THERE = torch.device("meta")
"""What the pretended device is called: a name that torch knows on every machine."""

INDEXED = {torch.ops.aten.index.Tensor, torch.ops.aten.index_put.default, torch.ops.aten.index_put_.default}
COPIES = {torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default}


class Elsewhere(torch.Tensor):
    """`kept` is where the numbers are."""

    is_meta = False

    @staticmethod
    def __new__(cls, kept):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            kept.shape,
            strides=kept.stride(),
            storage_offset=kept.storage_offset(),
            dtype=kept.dtype,
            device=THERE,
            requires_grad=False,
        )

    def __init__(self, kept):
        self.kept = kept

    def tolist(self):
        return self.cpu().tolist()

    def item(self):
        return self.cpu().item()

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self.item())

    def __repr__(self):
        return f"Elsewhere({self.kept!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})


def compute(func, args, kwargs):
    """One operation on what is kept; its result is where its arguments are, or where `device=` says."""
    given = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    there = [each for each in given if isinstance(each, Elsewhere)]
    if there and func not in COPIES:
        for each in given[:1] if func in INDEXED else given:
            if not isinstance(each, Elsewhere) and each.ndim:
                raise RuntimeError(f"{func}: a tensor {tuple(each.shape)} of the CPU meets one that is elsewhere")
    elsewhere = isinstance(given[0], Elsewhere) if func in COPIES else bool(there)
    if kwargs.get("device") is not None:
        elsewhere = torch.device(kwargs["device"]) == THERE
        kwargs = kwargs | {"device": torch.device("cpu")}
    plain = tree_map(lambda each: each.kept if isinstance(each, Elsewhere) else each, (args, kwargs))
    found = func(*plain[0], **plain[1])
    if not elsewhere:
        return found
    known = {id(each.kept): each for each in there}  # what was written in place stays the tensor it was

    def moved(each):
        return known[id(each)] if id(each) in known else Elsewhere(each)

    return tree_map(lambda each: moved(each) if isinstance(each, torch.Tensor) else each, found)


class _Pretend(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})


@contextmanager
def pretended():
    """Inside, tensors can be made on and moved to `THERE`."""
    asked, made = torch.is_autocast_enabled, torch.tensor

    def enabled(device_type=None):
        return asked("cpu" if device_type in (None, THERE.type) else device_type)

    def tensor(data, *, device=None, **kwargs):  # which makes those on the meta device without asking anybody
        there = device is not None and torch.device(device) == THERE
        return made(data, **kwargs).to(THERE) if there else made(data, device=device, **kwargs)

    with (
        mock.patch.object(torch, "is_autocast_enabled", enabled),
        mock.patch.object(torch, "tensor", tensor),
        _Pretend(),
    ):
        yield THERE
