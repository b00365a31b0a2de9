"""QuickProducts: within this context, the products that other code asks of torch go the quick way too.

A network's own linear layers, forward and backward, call `addmm` and `mm`. On a CPU where oneDNN is twice as fast
as the BLAS behind those, this context hands them over, in the same true float32; and average pools as the products
that they are, and convolutions to a few channels several lines at a time. It acts on the thread that entered it and
changes no setting of the process.

Linear maps in an ordinary forward pass become `QuickLinear`, and the products of attention `QuickBatch`, which cost
little more to call than torch's. What is made of products in other ways is met one level below, where each operation
of a backward pass costs microseconds more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tangentlab.linalg.batched_product import worth_alone, worth_grouping
from tangentlab.linalg.matrix_product import has_quick_product, product
from tangentlab.linalg.narrow_convolution import lines_at_once, narrow, narrow_convolution, turned
from tangentlab.linalg.quick_batch import QuickBatch
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

_BATCHED = _MATMUL | {torch.bmm, Tensor.bmm}


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
        if func in _BATCHED and not kwargs and _takes_batch(*args):
            return QuickBatch.apply(*args)
        if func is F.conv2d:
            forward, backward = _narrow_sides(*args, **kwargs)
            self._below.found = self._below.found or backward
            with self._below if forward else nullcontext():
                return func(*args, **kwargs)
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
                self.found = self.found or func is not torch.ops.aten.convolution.default
                return quick
        return func(*args, **(kwargs or {}))


def _quick(func: Any, args: Any) -> Tensor | tuple[Tensor | None, ...] | None:
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
    if func is torch.ops.aten.convolution.default:
        return _convolution(*args)
    if func is torch.ops.aten.convolution_backward.default:
        return _convolution_backward(*args)
    return None


def _convolution(x: Tensor, weight: Tensor, bias: Tensor | None, *options: Any) -> Tensor | None:
    padding = _padding(weight, *options)
    lines = 1 if padding is None else lines_at_once(x, weight, padding)
    if padding is None or lines == 1:
        return None
    return narrow_convolution(x, weight, bias, padding=padding, lines=lines)


def _convolution_backward(
    G: Tensor, x: Tensor, weight: Tensor, _bias: Any, *options: Any
) -> tuple[Tensor | None, ...] | None:
    """Where no gradient but that of the input is asked for."""
    padding, asked = _padding(weight, *options[:-1]), options[-1]
    if padding is None or asked[1] or asked[2] or not narrow(weight.shape[1]):
        return None
    padding = [k - 1 - p for k, p in zip(weight.shape[2:], padding)]
    back, G = turned(weight), G.contiguous()
    lines = lines_at_once(G, back, padding) if min(padding) >= 0 else 1
    return None if lines == 1 else (narrow_convolution(G, back, None, padding=padding, lines=lines), None, None)


def _padding(
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    _output_padding: Any,
    groups: int,
) -> Sequence[int] | None:
    """That of a convolution of images with steps of one; None for any other."""
    plain = weight.ndim == 4 and not transposed and groups == 1 and {*stride, *dilation} == {1}
    return [*padding] * (3 - len(padding)) if plain else None


def _narrow_sides(input: Any, weight: Any, *rest: Any, **options: Any) -> tuple[bool, bool]:
    """Whether a convolution has few outputs, and whether its backward pass will."""
    if not (isinstance(weight, Tensor) and weight.ndim == 4 and isinstance(input, Tensor)):
        return False, False
    return narrow(weight.shape[0]), input.requires_grad and narrow(weight.shape[1])


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
        all(type(of) in (Tensor, nn.Parameter) for of in given)
        and weight.ndim == 2
        and (bias is None or bias.ndim == 1)
        and input.ndim > 1
        and input.numel() * len(weight) >= _WORTH
        and input.shape[-1] == weight.shape[1]
        and _as_usual(*given)
    )


def _takes_batch(A: Any, B: Any) -> bool:
    """The same of products of many matrices, none of them a parameter."""
    return (
        type(A) is type(B) is Tensor
        and A.ndim == B.ndim > 2
        and A.shape[:-2] == B.shape[:-2]
        and A.shape[-1] == B.shape[-2]
        and A.numel() * B.shape[-1] >= _WORTH
        and worth_grouping(A.shape[-2], A.shape[-1], B.shape[-1])
        and not worth_alone(A.shape[-2], A.shape[-1], B.shape[-1])
        and _as_usual(A, B)
    )


def _as_usual(*given: Tensor) -> bool:
    """Whether these go to the quick library, and what is made of them is recorded for one backward pass or none."""
    return (
        all(of.dtype == torch.float32 and of.device.type == "cpu" and of.layout == torch.strided for of in given)
        and has_quick_product()
        and torch.is_grad_enabled()  # else this may be a checkpointed part, which must do the same when it runs again
        and torch._C._autograd._top_saved_tensors_default_hooks(True) is None  # pyright: ignore
        and not torch._C._are_functorch_transforms_active()  # pyright: ignore[reportAttributeAccessIssue]
        and forward_ad._current_level < 0
        and not torch.is_autocast_enabled("cpu")
    )
