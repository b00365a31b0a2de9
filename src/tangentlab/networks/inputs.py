"""Inputs with rows first: one tensor, or a tuple or dictionary of tensors that share their rows.

Entries that are not tensors (flags of a transformer, say) belong to every row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, ShapeError
from tangentlab._shapes import expect_finite

Inputs = Any
"""A tensor (n, ...), or a tuple or dict whose tensors are (n, ...)."""


def map_tensors(function: Callable[[Tensor], Any], x: Inputs) -> Inputs:
    """Apply a function to each tensor of the inputs, keeping their structure.

    >>> map_tensors(lambda t: t + 1, {"a": torch.zeros(1), "flag": True})
    {'a': tensor([1.]), 'flag': True}
    """
    if isinstance(x, Tensor):
        return function(x)
    if isinstance(x, Mapping):
        return {k: function(v) if isinstance(v, Tensor) else v for k, v in x.items()}
    return tuple(function(v) if isinstance(v, Tensor) else v for v in x)


def tensors_of(x: Inputs) -> list[tuple[str, Tensor]]:
    """The tensors among the inputs, with the name each has in a message."""
    if isinstance(x, Tensor):
        return [("x", x)]
    items = x.items() if isinstance(x, Mapping) else enumerate(x)
    return [(f"x[{key!r}]", value) for key, value in items if isinstance(value, Tensor)]


def check_inputs(x: Any, *, name: str = "x") -> Inputs:
    """Inputs as tensors, refused when empty, not finite or of unequal rows.

    >>> check_inputs(np.zeros((2, 3))).shape
    torch.Size([2, 3])
    """
    if isinstance(x, Mapping):
        x = {key: _as_tensor(f"{name}[{key!r}]", value) for key, value in x.items()}
    elif isinstance(x, (tuple, list)):
        x = tuple(_as_tensor(f"{name}[{i}]", value) for i, value in enumerate(x))
    else:
        x = _as_tensor(name, x)
        if not isinstance(x, Tensor):
            raise ArgumentError(
                name,
                expected="a tensor or an array, or a tuple or dict of such, rows first",
                got=type(x).__name__,
                remedy="Pass x.to_numpy()." if hasattr(x, "to_numpy") else "Stack the rows into one tensor.",
            )
    tensors = [(label.replace("x", name, 1), tensor) for label, tensor in tensors_of(x)]
    if not tensors:
        raise ArgumentError(
            name,
            expected="a tensor or an array, or a tuple or dict of at least one, rows first",
            got="none",
            remedy="Pass the rows as one array, np.array(rows) where they are lists.",
        )
    for label, tensor in tensors:
        rows = tensor.shape[0] if tensor.ndim else None
        if rows is None or rows != tensors[0][1].shape[0]:
            raise ShapeError(
                label,
                expected=f"a tensor whose first axis counts the rows, as in {tensors[0][0]}",
                got=str(tuple(tensor.shape)),
                remedy="Put rows first in every tensor; bind constants in a wrapper module.",
            )
        if rows == 0:
            raise ShapeError(
                label, expected="at least one row", got="0 rows", remedy="Pass a batch that is not empty."
            )
        expect_finite(label, tensor)
    return x


def _as_tensor(label: str, value: Any) -> Any:
    """A dense tensor of numbers from a tensor or an array; anything else as it is."""
    if isinstance(value, Tensor):
        if value.layout != torch.strided or value.is_nested or value.is_meta or value.is_quantized:
            raise ArgumentError(
                label,
                expected="a dense tensor with values",
                got="a tensor on the meta device" if value.is_meta else f"a tensor of layout {value.layout}",
                remedy="Convert it with .to_dense(), or bind it in a wrapper module if its rows are not x's.",
            )
        return value
    if not isinstance(value, np.ndarray):
        return value
    try:
        return torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("=")))
    except TypeError:
        raise ArgumentError(
            label, expected="an array of numbers", got=f"dtype {value.dtype}", remedy="Encode it as numbers first."
        ) from None


def count_rows(x: Inputs) -> int:
    """The number of rows n.

    >>> count_rows((torch.zeros(3, 2), torch.zeros(3)))
    3
    """
    return tensors_of(x)[0][1].shape[0]


def take_rows(x: Inputs, index: slice | Tensor) -> Inputs:
    """The rows of an index or slice, in the structure of the inputs.

    >>> take_rows(torch.arange(4), slice(1, 3))
    tensor([1, 2])
    """
    return map_tensors(lambda tensor: tensor[index], x)


def concatenate_rows(x1: Inputs, x2: Inputs) -> Inputs:
    """Rows of both inputs, one after the other; both must have the same structure."""
    if isinstance(x1, Tensor):
        return torch.cat([x1, x2])
    if isinstance(x1, Mapping):
        return {k: torch.cat([v, x2[k]]) if isinstance(v, Tensor) else v for k, v in x1.items()}
    return tuple(torch.cat([v, w]) if isinstance(v, Tensor) else v for v, w in zip(x1, x2))


def place(x: Inputs, *, device: torch.device, dtype: torch.dtype) -> Inputs:
    """Copies on a device, without a graph; real tensors in `dtype`.

    >>> place(torch.ones(2, 1, requires_grad=True), device=torch.device("cpu"), dtype=torch.float64)
    tensor([[1.],
            [1.]], dtype=torch.float64)
    """

    def move(tensor: Tensor) -> Tensor:
        return tensor.detach().to(device, dtype if tensor.is_floating_point() else None, copy=True)

    return map_tensors(move, x)
