"""Gram: a kernel on one set of rows as a tensor, with what it is and how far it was checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from tangentlab.kernels.output_flavour import Outputs


@dataclass(frozen=True)
class Gram:
    """A kernel on one set of rows, with what it is: flavour, anchor in words, identity, and how far it was checked.

    >>> import torch
    >>> from tangentlab.kernels import NeuralTangentKernel
    >>> gram = NeuralTangentKernel(torch.nn.Linear(2, 1, bias=False), outputs=0).gram(torch.eye(2))
    >>> gram.values.tolist(), gram.trace
    ([[1.0, 0.0], [0.0, 1.0]], 2.0)
    """

    values: Tensor = field(repr=False)
    """(n, n), (n, n, c) or (n, n, c, c), as the flavour says."""
    outputs: Outputs
    description: str
    fingerprint: str
    difference: float
    """Largest difference from plain autograd on a random sub-block, relative; nan where it was not checked."""
    precision: str = "float32"
    """"float32" for the network's own; else what factors and products were rounded to."""
    rounding: float = 0.0
    """How far that moved a random sub-block, relative to its largest number; 0 where nothing was rounded."""

    @property
    def matrix(self) -> Tensor:
        """Flattened for linear algebra: (n·c, n·c) with row index i·c + k for "full", else `values`."""
        if self.values.ndim != 4:
            return self.values
        n, m, c, _ = self.values.shape
        return self.values.transpose(1, 2).reshape(n * c, m * c)

    @property
    def trace(self) -> float:
        """Sum of the diagonal of `matrix`; for "diagonal", over all its outputs."""
        diagonal = self.values.diagonal(dim1=0, dim2=1) if self.values.ndim == 3 else self.matrix.diagonal()
        return float(diagonal.double().sum())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """`values` for NumPy, and for whatever in this package takes a kernel as an array."""
        values = self.values.detach().cpu().numpy()
        return np.array(values, dtype=dtype) if copy else np.asarray(values, dtype=dtype)
