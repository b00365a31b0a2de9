"""Targets and anchor outputs beside a kernel: what a linear learner is fitted to, y − f0.

The same checks for every learner that works on a Gram: lengths, outputs, finiteness, and that f0 is given at
prediction exactly when it was given to the fit, for otherwise the bias of the linearization is lost unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import DataError, ShapeError
from tangentlab.linalg import KernelBlocks, as_columns, floating_tensor
from tangentlab.training.anchored_prediction import anchored_prediction


@dataclass(frozen=True, eq=False)
class AnchoredTargets:
    """`blocks`, the Gram of the n training rows; `targets` y and `outputs` f0, (n, c) float64.

    `is_centred` tells that no f0 was given (then `outputs` is 0), `is_vector` that y came as (n,): results then
    do so too.

    >>> fit = AnchoredTargets.of(torch.eye(2), [1.0, 2.0], f0=[0.5, 0.5])
    >>> fit.residual.flatten().tolist(), fit.is_centred, fit.shaped(fit.residual).shape
    ([0.5, 1.5], False, torch.Size([2]))
    """

    blocks: KernelBlocks
    targets: Tensor
    outputs: Tensor
    is_centred: bool
    is_vector: bool

    @staticmethod
    def of(K: Any, y: Any, *, f0: Any = None) -> AnchoredTargets:
        """Check a Gram K, targets y (n,) or (n, c) and outputs f0 at the anchor against each other.

        >>> AnchoredTargets.of(torch.eye(3), torch.ones(2))
        Traceback (most recent call last):
        tangentlab._errors.ShapeError: `y` must be of shape (n, c) with n = 3, got (2, 1). Check the order of its axes.
        """
        y = floating_tensor("y", y)
        targets = as_columns("y", y).to(torch.float64)
        blocks = KernelBlocks.of(K, outputs=targets.shape[1])
        if blocks.rows != blocks.columns:
            raise ShapeError(
                "K",
                expected="square in its first two axes, (n, n, ...)",
                got=f"one between {blocks.rows} and {blocks.columns} rows",
                remedy="Pass the kernel of the training rows with themselves.",
            )
        as_columns("y", y, rows=blocks.rows)
        if targets.numel() == 0:
            raise DataError("There are no training rows.", remedy="Pass one row or more.")
        outputs = torch.zeros_like(targets)
        if f0 is not None:
            outputs = as_columns("f0", f0, rows=blocks.rows, outputs=targets.shape[1]).to(targets)
        return AnchoredTargets(blocks, targets, outputs, f0 is None, y.ndim == 1)

    @property
    def residual(self) -> Tensor:
        """The residual y − f0, what the linear part must learn, (n, c)."""
        return self.targets - self.outputs

    def shaped(self, values: Tensor) -> Tensor:
        """Values (m, c) as the targets came: (m,) if they were a vector."""
        return values[:, 0] if self.is_vector else values

    def predict(self, K_test: Any, coefficients: Tensor, *, f0_test: Any = None) -> Tensor:
        """f0_test + K_test a for K_test (m, n), (m, n, c) or (m, n, c, c), shaped as the targets.

        >>> fit = AnchoredTargets.of(torch.eye(2), [1.0, 2.0])
        >>> fit.predict([[1.0, 1.0]], fit.residual).tolist()
        [3.0]
        """
        values = anchored_prediction(K_test, coefficients, f0_test, centred=self.is_centred, form=self.blocks.form)
        return self.shaped(values)
