"""low_rank: K ≈ F Fᵀ of a kernel at many rows, from a few of its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tangentlab._errors import UnknownNameError
from tangentlab._shapes import expect_whole_number
from tangentlab.kernels.columns import kernel_columns
from tangentlab.kernels.output_flavour import Outputs
from tangentlab.linalg import Columns, LowRank, pivoted_cholesky, uniform_nystrom

METHODS: dict[str, Callable[..., LowRank]] = {"rpcholesky": pivoted_cholesky, "nystrom": uniform_nystrom}


def low_rank(
    kernel: Any,
    x: Any = None,
    rank: int = 100,
    *,
    method: str = "rpcholesky",
    columns: int | None = None,
    seed: int = 0,
    outputs: Outputs = "full",
    parameters: Any = None,
    mode: str | None = None,
    dtype: torch.dtype | None = None,
) -> LowRank:
    """F (n, rank) with K ≈ F Fᵀ, and the trace that it leaves out.

    Parameters
    ----------
    kernel: a `NeuralTangentKernel`, a model (with `outputs`, `parameters`, `mode`, `dtype`), a function k(x1, x2) of
        two batches, or, without `x`, a matrix or `linalg.Columns`
    method: "rpcholesky" chooses columns by what the ones before have left; "nystrom" takes them uniformly
    columns: how many to compute, by default `rank`. Four times the rank, cut back to it, comes close to the best
        approximation of that rank
    seed: of the choice

    >>> low = low_rank(lambda a, b: a @ b.T, torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 2.0]]), 2)
    >>> low.factor.shape, round(low.trace_error, 5), low.columns
    (torch.Size([3, 2]), 0.0, 2)
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    if columns is not None:
        columns = expect_whole_number("columns", columns, least=rank, remedy="Try four times the rank.")
    if x is None:
        oracle = Columns.of(kernel)
    else:
        oracle = kernel_columns(kernel, x, outputs=outputs, parameters=parameters, mode=mode, dtype=dtype)
    return METHODS[method](oracle, rank if columns is None else columns, seed=seed).truncate(rank)
