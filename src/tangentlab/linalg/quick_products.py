"""QuickProducts: within this context, the products that other code asks of torch go the quick way too.

A network's own linear layers, forward and backward, call `addmm` and `mm`. On a CPU where oneDNN is twice as fast
as the BLAS behind those, this context hands them over, in the same true float32; and average pools as the products
that they are. It acts on the thread that entered it and changes no setting of the process.

Linear maps in an ordinary forward pass become `QuickLinear`, which costs no more to call than torch's. What is made
of products in other ways is met one level below, where each operation of a backward pass costs microseconds more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tangentlab.linalg.matrix_product import has_quick_product, product
from tangentlab.linalg.quick_linear import QuickLinear
from tangentlab.linalg.quick_pools import average_pool, average_pool_gradient, tiling_window

_WORTH = 1 << 22
"""Multiplications below which a product is left as it is."""

_MADE_OF_PRODUCTS = frozenset(
    (
        *(F.linear, F.avg_pool2d, F.bilinear, F.multi_head_attention_forward),
        *(torch.mm, Tensor.mm, torch.addmm, Tensor.addmm, Tensor.addmm_, torch.einsum, torch.tensordot),
        *(torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu),
        *(torch.lstm_cell, torch.gru_cell, torch.rnn_tanh_cell, torch.rnn_relu_cell),
    )
)
_MATMUL = frozenset((torch.matmul, Tensor.matmul, Tensor.__matmul__, Tensor.__rmatmul__))
"""Among these are products with a matrix, if one of the two is one."""


class QuickProducts(TorchFunctionMode):
    """Large float32 products on the CPU through `product`, and pools whose windows tile an image.

    >>> with QuickProducts():
    ...     (torch.ones(2, 3) @ torch.ones(3, 1)).flatten().tolist()
    [3.0, 3.0]
    """

    def __init__(self) -> None:
        super().__init__()
        self._below = _Below()
        self._inputs_only = False

    @contextmanager
    def backward(self) -> Iterator[None]:
        """For backward passes that ask for no gradient of a parameter.

        >>> x, W = torch.ones(2048, 64, requires_grad=True), nn.Parameter(torch.ones(64, 64))
        >>> with QuickProducts() as quick:
        ...     y = F.linear(x, W)
        ...     with quick.backward():
        ...         torch.autograd.grad(y.sum(), x)[0][0, 0].item()
        64.0
        """
        self._inputs_only = True
        try:
            with self._below if self._below.found else nullcontext():
                yield
        finally:
            self._inputs_only = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.linear and _takes_linear(*args, **kwargs):
            return QuickLinear.apply(*_linear_arguments(*args, **kwargs), lambda: self._inputs_only)
        if func in _MADE_OF_PRODUCTS or (func in _MATMUL and min(_axes(of) for of in args) < 3):
            with self._below:
                return func(*args, **kwargs)
        return func(*args, **kwargs)


class _Below(TorchDispatchMode):
    """The same for operations, whoever calls them."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False
        """Whether there was one, whose derivative will be another."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # skipping it would import torch's compiler, a second in every process

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not kwargs:
            quick = _quick(func, args)
            if quick is not None:
                self.found = True
                return quick
        return func(*args, **(kwargs or {}))


def _quick(func: Any, args: Any) -> Tensor | None:
    if func is torch.ops.aten.mm.default and _large(*args):
        return product(*args)
    if func is torch.ops.aten.addmm.default and _large(*args[1:]):
        return product(*args[1:]).add_(args[0])
    if func is torch.ops.aten.avg_pool2d.default:
        window = tiling_window(*args)
        return None if window is None else average_pool(args[0], window)
    if func is torch.ops.aten.avg_pool2d_backward.default:
        window = tiling_window(*args[1:])
        return None if window is None else average_pool_gradient(args[0], window)
    return None


def _large(A: Tensor, B: Tensor) -> bool:
    return (
        A.dtype == torch.float32
        and A.device.type == "cpu"
        and A.layout == B.layout == torch.strided
        and A.shape[0] * A.shape[1] * B.shape[1] >= _WORTH
    )


def _axes(of: Any) -> int:
    return of.ndim if isinstance(of, Tensor) else 0


def _linear_arguments(input: Any, weight: Any, bias: Any = None) -> tuple[Any, Any, Any]:
    return input, weight, bias


def _takes_linear(input: Any, weight: Any, bias: Any = None) -> bool:
    """Whether a linear map is large, of plain tensors, and recorded as usual, for one backward pass or none."""
    given = (input, weight) if bias is None else (input, weight, bias)
    return (
        all(
            type(of) in (Tensor, nn.Parameter) and of.dtype == torch.float32 and of.device.type == "cpu"
            for of in given
        )
        and weight.ndim == 2
        and (bias is None or bias.ndim == 1)
        and input.ndim > 1
        and input.layout == weight.layout == torch.strided
        and input.numel() * len(weight) >= _WORTH
        and input.shape[-1] == weight.shape[1]
        and has_quick_product()
        and torch.is_grad_enabled()  # else this may be a checkpointed part, which must do the same when it runs again
        and torch._C._autograd._top_saved_tensors_default_hooks(True) is None  # pyright: ignore
        and not torch._C._are_functorch_transforms_active()  # pyright: ignore[reportAttributeAccessIssue]
        and forward_ad._current_level < 0
        and not torch.is_autocast_enabled("cpu")
    )
