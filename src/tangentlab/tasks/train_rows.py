"""Which rows of a task are train and which are test, from a number of leading rows or an index."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError


def train_rows(train: Any, *, rows: int) -> tuple[Tensor, Tensor]:
    """Indices of the train rows and of all others, the test rows, in order.

    `train` is a number of leading rows, or an index: integers (a tensor, an array, a list, a range) in the order in
    which they are to be trained on, a mask, or a slice. Both parts must have rows.

    >>> train_rows(2, rows=4)
    (tensor([0, 1]), tensor([2, 3]))
    >>> train_rows([3, 0], rows=4)
    (tensor([3, 0]), tensor([1, 2]))
    """
    if isinstance(train, Integral) and not isinstance(train, bool):
        leading = int(train)
        if not 1 <= leading < rows:
            raise _refused(f"a number of leading rows from 1 to {rows - 1}", got=str(leading), rows=rows)
        return torch.arange(leading), torch.arange(leading, rows)
    if isinstance(train, slice):
        train = range(*train.indices(rows))
    try:
        index = torch.as_tensor(np.asarray(train) if not isinstance(train, Tensor) else train).detach().cpu()
    except (TypeError, ValueError):
        raise _refused("a number of leading rows or an index", got=type(train).__name__, rows=rows) from None
    if index.dtype == torch.bool:
        if tuple(index.shape) != (rows,):
            raise _refused(f"a mask of the {rows} rows of x", got=f"a mask {tuple(index.shape)}", rows=rows)
        index = index.nonzero().flatten()
    if index.ndim != 1 or index.is_floating_point() or index.is_complex():
        raise _refused(
            "a number of leading rows or an index of whole numbers",
            got=f"{index.dtype} {tuple(index.shape)}",
            rows=rows,
        )
    index = index.long()
    if len(index) and (int(index.min()) < 0 or int(index.max()) >= rows):
        raise _refused(f"indices from 0 to {rows - 1}", got=f"{int(index.min())} to {int(index.max())}", rows=rows)
    held = torch.ones(rows, dtype=torch.bool)
    held[index] = False
    if int((~held).sum()) < len(index):
        raise _refused("an index without repetitions", got="a row twice", rows=rows)
    if not 1 <= len(index) < rows:
        raise _refused("some of the rows, and not all", got=f"{len(index)} of {rows}", rows=rows)
    return index, held.nonzero().flatten()


def _refused(expected: str, *, got: str, rows: int) -> ArgumentError:
    return ArgumentError(
        "train",
        expected=expected,
        got=got,
        remedy=f"Try train={max(1, 3 * rows // 4)}, and leave rows to test on.",
    )
