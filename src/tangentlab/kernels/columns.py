"""Columns of any kernel at given rows, computed when a low-rank approximation asks for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tangentlab._shapes import expect_callable, expect_shape
from tangentlab.kernels.kernel import NeuralTangentKernel
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.kernels.tangent_rows import TangentRows
from tangentlab.linalg import Columns, expect_diagonal
from tangentlab.networks.inputs import check_inputs, count_rows, take_rows
from tangentlab.networks.network import Network

_SQUARE = 64
"""Rows of a small square evaluated for its diagonal, when a kernel is only a function of two batches."""


def kernel_columns(
    kernel: Any,
    x: Any,
    *,
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
) -> Columns:
    """The columns of `kernel(x, x)`: of a `NeuralTangentKernel`, a model, or any function of two batches.

    A model becomes a `NeuralTangentKernel` with the arguments given; a full one has n·c columns, of which the c of one
    row are computed together. A function k(x1, x2) must return (n, m).

    >>> columns = kernel_columns(lambda x1, x2: x1 @ x2.T, torch.tensor([[1.0], [2.0]]))
    >>> columns.diagonal.tolist(), columns.block(None, torch.tensor([1])).tolist()
    ([1.0, 4.0], [[2.0], [4.0]])
    """
    x = check_inputs(x)
    if isinstance(kernel, (nn.Module, Network)):
        kernel = NeuralTangentKernel(kernel, outputs=outputs, parameters=parameters, mode=mode, dtype=dtype)
    if isinstance(kernel, NeuralTangentKernel):
        return _of_tangent_kernel(kernel, x)
    expected = "a NeuralTangentKernel, a model or a function k(x1, x2)"
    expect_callable("kernel", kernel, expected=expected, remedy="A matrix goes to low_rank(K) without x.")
    return _of_function(kernel, x)


def _of_tangent_kernel(kernel: NeuralTangentKernel, x: Any) -> Columns:
    rows = TangentRows.of(kernel.network, x, outputs=kernel.outputs)
    c, n = rows.group, rows.count

    def block(taken: Tensor | None, columns: Tensor) -> Tensor:
        data, place = torch.unique((columns // c).cpu(), return_inverse=True)
        right = take_rows(x, data)
        if taken is None:
            values, within = kernel(x, right), torch.arange(n * c)
        else:
            left, at = torch.unique((taken // c).cpu(), return_inverse=True)
            values, within = kernel(take_rows(x, left), right), at * c + taken.cpu() % c
        if values.ndim == 4:
            values = values.transpose(1, 2).reshape(values.shape[0] * c, -1)
        return values[within.to(values.device)][:, (place * c + columns.cpu() % c).to(values.device)]

    return Columns(
        rows.size, kernel.network.dtype, expect_diagonal(rows.diagonal(), name="kernel"), block, group=c
    )


def _of_function(kernel: Any, x: Any) -> Columns:
    n = count_rows(x)

    def block(taken: Tensor | None, columns: Tensor) -> Tensor:
        left = x if taken is None else take_rows(x, taken)
        values = torch.as_tensor(kernel(left, take_rows(x, columns))).detach()
        expect_shape("kernel(x1, x2)", values, "n m", n=count_rows(left), m=len(columns))
        return values

    squares = []
    for start in range(0, n, _SQUARE):
        index = torch.arange(start, min(start + _SQUARE, n))
        squares.append(block(index, index).diagonal())
    dtype = squares[0].dtype if squares[0].is_floating_point() else torch.float64
    return Columns(n, dtype, expect_diagonal(torch.cat(squares), name="kernel"), block)
