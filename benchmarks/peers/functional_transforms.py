"""The two algorithms that PyTorch's documentation teaches for tangent kernels, written from their description.

Jacobian contraction   per-sample Jacobians of both batches by vmap of jacrev, then a product for each parameter
NTK-vector products    for each pair of rows, the columns of Θ(x, x') as jvp(vjp(e_k)), vmapped over pairs

Neither knows that the two batches are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, jvp, vjp, vmap

Lap = Callable[[int], None]


def jacobian_contraction(
    module: nn.Module, x: Tensor, flavour: int | str, *, chunk: int | None = None, lap: Lap = lambda power: None
) -> Tensor:
    """Θ as Σ over parameters of J_p(x) J_p(x)ᵀ; `chunk` rows at a time go through the network."""
    parameters = {name: p.detach() for name, p in module.named_parameters()}
    f = _of_one_row(module)

    def jacobians(rows: Tensor) -> list[Tensor]:
        per_row = vmap(jacrev(f), (None, 0), chunk_size=chunk)(parameters, rows)
        return [j.flatten(2) for j in per_row.values()]

    left, right = jacobians(x), jacobians(x)
    lap(1)
    kept = 1 if flavour == "trace" else 2  # a sum over outputs is one over more parameters
    total = torch.zeros(())
    for j1, j2 in zip(left, right):
        total = total + j1.flatten(0, kept - 1).flatten(1) @ j2.flatten(0, kept - 1).flatten(1).T
    if flavour != "trace":
        total = total.view(len(x), -1, len(x), left[0].shape[1]).transpose(1, 2)
    lap(2)
    return total[..., 0, 0] if flavour == 0 else total


def vector_products(
    module: nn.Module, x: Tensor, flavour: int | str, *, chunk: int | None = None, lap: Lap = lambda power: None
) -> Tensor:
    """Θ by columns, J(x) (J(x')ᵀ e_k) for each unit vector e_k; `chunk` first rows at a time."""
    parameters = {name: p.detach() for name, p in module.named_parameters()}
    f = _of_one_row(module)

    def block(x1: Tensor, x2: Tensor) -> Tensor:
        def at_first(p: dict[str, Tensor]) -> Tensor:
            return f(p, x1)

        output, pull = vjp(lambda p: f(p, x2), parameters)

        def column(e: Tensor) -> Tensor:
            return jvp(at_first, (parameters,), pull(e))[1]

        columns = vmap(column)(torch.eye(output.numel(), dtype=output.dtype))  # [l, k]
        return columns.diagonal().sum() if flavour == "trace" else columns.T

    total = vmap(vmap(block, (None, 0)), (0, None), chunk_size=chunk)(x, x)
    lap(2)
    return total[..., 0, 0] if flavour == 0 else total


def _of_one_row(module: nn.Module) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    def f(parameters: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(module, parameters, (row[None],))[0]

    return f
