"""Which way a kernel is read: from memory, from its file, or through its products alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tangentlab.linalg import floating_tensor
from tangentlab.linalg.linear_map import is_matrix_free
from tangentlab.training.gram_rows import GramRows, ProductRows, StoredRows, check_gram_shape
from tangentlab.training.mapped_rows import MappedRows, reads_its_file


def checked_gram(K: Any) -> GramRows:
    """The Gram K of training rows, checked: shape, finite, symmetric. O(n²) reads; a file is read once, in order.

    >>> import torch
    >>> checked_gram(torch.eye(3)).form, checked_gram(torch.zeros(2, 2, 4)).outputs
    ('shared', 4)
    """
    if is_matrix_free(K):
        return ProductRows.of(K)
    if not reads_its_file(K):
        K = floating_tensor("K", K, finite=len(np.shape(K)) > 2)  # else found where its symmetry is checked
    check_gram_shape(tuple(K.shape))
    rows = kernel_rows(K, outputs=K.shape[2] if K.ndim > 2 else 1, finite=False)
    rows.refuse_asymmetry()
    return rows


def kernel_rows(K: Any, *, outputs: int, name: str = "K", finite: bool = True) -> GramRows:
    """The rows of a kernel (m, n), (m, n, c) or (m, n, c, c) in memory or in a file.

    >>> import torch
    >>> kernel_rows(torch.ones(1, 3), outputs=1).whole(torch.ones(3, 1, 1)).item()
    3.0
    """
    if reads_its_file(K):
        return MappedRows.of(K, outputs=outputs, name=name)
    return StoredRows.of(K, outputs=outputs, name=name, finite=finite)
