"""Where a descent in function space has come: coefficients, outputs, and predictions from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

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

    def predict(self, K_test: Any, f0_test: Any = None) -> Tensor:
        """Outputs f0_test + K_test a on m rows, (m, c) float64, from their kernel with the training rows.

        K_test is (m, n), (m, n, c) or (m, n, c, c), as the training Gram was; f0_test (m, c), needed exactly when
        the training had an f0. Errors: `ShapeError`, and `ArgumentError` for a missing f0_test.

        >>> import torch
        >>> a = torch.ones(2, 1, dtype=torch.float64)
        >>> state = FunctionSpaceState(a, a, 0.0, History((), ()), centred=False, form="shared")
        >>> state.predict(torch.eye(2), f0_test=[5.0, 6.0]).flatten().tolist()
        [6.0, 7.0]
        """
        return anchored_prediction(K_test, self.coefficients, f0_test, centred=self.centred, form=self.form)
