"""Targets and anchor outputs beside a kernel: what a linear learner is fitted to, y − f0.

The same checks for every learner that works on a Gram: lengths, outputs, finiteness, and that f0 is given at
prediction exactly when it was given to the fit, for otherwise the bias of the linearization is lost unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab.linalg import KernelBlocks, as_columns, floating_tensor


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
        outputs = torch.zeros_like(targets) if f0 is None else _columns_like("f0", f0, targets)
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
        if (f0_test is None) != self.is_centred:
            raise ArgumentError(
                "f0_test",
                expected="left out, as f0 was" if self.is_centred else "given, as f0 was",
                got="None" if f0_test is None else "outputs",
                remedy="Give the outputs at the anchor for both sets of rows, or for neither (centred).",
            )
        K_test = floating_tensor("K_test", K_test).to(self.targets)
        blocks = KernelBlocks.of(K_test, outputs=self.targets.shape[1], name="K_test", finite=False)
        if blocks.form != self.blocks.form or blocks.columns != self.blocks.columns:
            raise ShapeError(
                "K_test",
                expected=f"a kernel against the {self.blocks.columns} training rows, {self.blocks.form} as K was",
                got=f"{tuple(K_test.shape)}",
                remedy="Compute it as kernel(x_test, x_train), with the same `outputs`.",
            )
        values = blocks.apply(coefficients)
        if f0_test is not None:
            values = values + _columns_like("f0_test", f0_test, values)
        return self.shaped(values)


def _columns_like(name: str, values: Any, other: Tensor) -> Tensor:
    values = as_columns(name, values, rows=len(other))
    if values.shape != other.shape:
        raise ShapeError(
            name,
            expected=f"of shape {tuple(other.shape)}",
            got=str(tuple(values.shape)),
            remedy="Give one column for each output.",
        )
    return values.to(other)
