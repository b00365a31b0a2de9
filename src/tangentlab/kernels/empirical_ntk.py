"""ntk and ntk_operator: the empirical neural tangent kernel of any module in one call, or its products alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tangentlab.kernels.kernel import NeuralTangentKernel
from tangentlab.kernels.operator import KernelOperator
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.kernels.tiles import Progress
from tangentlab.networks.inputs import Inputs


def ntk(
    model: Any,
    x1: Inputs,
    x2: Inputs | None = None,
    *,
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    method: str = "auto",
    memory: int | str | None = None,
    dtype: torch.dtype | None = None,
    precision: str = "float32",
    progress: Progress | None = None,
) -> Tensor:
    """The empirical neural tangent kernel of a model at its present parameters, on rows x1 and x2.

    Θ[i, j, k, l] = ⟨∂f_k(x1_i)/∂θ, ∂f_l(x2_j)/∂θ⟩, or what `outputs` makes of it.

    Parameters
    ----------
    model: `nn.Module`, Network or callable `(params, x)`; never modified
    x1, x2: tensors, or tuples or dicts of tensors, rows first; `x2=None` means x1, symmetric and at half the cost
    outputs: "full" (n, m, c, c) · "trace" (n, m), a sum · "mean" = trace / c · "diagonal" (n, m, c) · "sum", the
        kernel of the summed outputs · an integer, that output's kernel (n, m)
    parameters, mode, method, memory, dtype, precision: see `NeuralTangentKernel`
    progress: called with (pairs done, pairs in all)

    Raises
    ------
    NetworkError: rows of a batch depend on each other, on chance or on train mode; the layer is named
    NumericalError: the kernel does not fit in memory, overflows, or a sub-block differs from plain autograd

    For a linear map f(x) = w·x the kernel is the Gram matrix of the inputs:

    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ntk(torch.nn.Linear(2, 1, bias=False), x, outputs=0).tolist()
    [[5.0, 11.0], [11.0, 25.0]]
    >>> ntk(torch.nn.Linear(2, 3), x).shape
    torch.Size([2, 2, 3, 3])
    """
    kernel = NeuralTangentKernel(
        model,
        outputs=outputs,
        parameters=parameters,
        mode=mode,
        method=method,
        memory=memory,
        dtype=dtype,
        precision=precision,
    )
    return kernel(x1, x2, progress=progress)


def ntk_operator(
    model: Any,
    x: Inputs,
    *,
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
    memory: int | str | None = None,
    way: str = "auto",
) -> KernelOperator:
    """Θ(x, x) by its products alone: `NeuralTangentKernel(model, ...).operator(x, ...)`, or of a kernel given.

    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ntk_operator(torch.nn.Linear(2, 1, bias=False), x, outputs=0)(torch.tensor([1.0, 0.0])).tolist()
    [5.0, 11.0]
    """
    if not isinstance(model, NeuralTangentKernel):
        model = NeuralTangentKernel(model, outputs=outputs, parameters=parameters, mode=mode, dtype=dtype)
    return model.operator(x, memory=memory, way=way)
