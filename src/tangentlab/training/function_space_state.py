"""Where a descent in function space has come: coefficients, outputs, and predictions from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab.training.anchored_prediction import anchored_prediction
from tangentlab.training.history import History


@dataclass(frozen=True, eq=False)
class FunctionSpaceState:
    """Where a descent in function space has come: θ = θ0 + Jᵀa.

    >>> import torch
    >>> a, f = torch.tensor([[2.0], [4.0]], dtype=torch.float64), torch.zeros(2, 1)
    >>> state = FunctionSpaceState(a, f, 0.0, History((), ()), centred=True, form="shared")
    >>> state.predict([[1.0, 0.5]]).item()
    4.0
    """

    coefficients: Tensor
    """a, (n, c), float64."""
    train_outputs: Tensor
    """f0 + K a on the training rows, (n, c)."""
    distance: float
    """‖θ − θ0‖ = √(aᵀKa); for a Gram averaged over outputs, the norm in that kernel's space."""
    history: History
    centred: bool
    """True when trained without f0."""
    form: str
    """The form of the Gram, "shared", "diagonal" or "full"; that of a test kernel too."""
    snapshots: dict[int, Tensor] = field(default_factory=dict)
    """Coefficients by the number of steps taken."""

    def predict(self, K_test: Any, f0_test: Any = None, *, step: int | None = None) -> Tensor:
        """Outputs f0_test + K_test a on m rows, (m, c) float64, from their kernel with the training rows.

        `step` is one of the snapshots: outputs after so many steps instead of those at the end.

        K_test is (m, n), (m, n, c) or (m, n, c, c), as the training Gram was; f0_test (m, c), needed exactly when
        the training had an f0. Errors: `ShapeError`, and `ArgumentError` for a missing f0_test.

        >>> import torch
        >>> a = torch.ones(2, 1, dtype=torch.float64)
        >>> state = FunctionSpaceState(a, a, 0.0, History((), ()), centred=False, form="shared")
        >>> state.predict(torch.eye(2), f0_test=[5.0, 6.0]).flatten().tolist()
        [6.0, 7.0]
        """
        if step is not None and step not in self.snapshots:
            raise ArgumentError(
                "step",
                expected=f"one of the snapshots, {sorted(self.snapshots)}" if self.snapshots else "None",
                got=step,
                remedy="Train with snapshots=[...] at the steps to look at.",
            )
        a = self.coefficients if step is None else self.snapshots[step]
        return anchored_prediction(K_test, a, f0_test, centred=self.centred, form=self.form)
