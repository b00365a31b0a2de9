"""Where a descent in function space has come: coefficients, outputs, and predictions from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tangentlab._errors import ArgumentError, ShapeError
from tangentlab.linalg import as_columns
from tangentlab.training.gram_of import kernel_rows
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
        n, c = self.coefficients.shape
        rows = kernel_rows(K_test, outputs=c, name="K_test")
        if rows.columns != n or (c > 1 and rows.form != self.form):
            raise ShapeError(
                "K_test",
                expected=f"a {self.form} kernel, as the Gram was, with {n} columns, one for each training row",
                got=f"a {rows.form} one with {rows.columns} columns",
                remedy="Use the same outputs=, test rows first: ntk(model, x_test, x_train).",
            )
        if (f0_test is None) != self.centred:
            raise ArgumentError(
                "f0_test",
                expected="None, as the training had no f0" if self.centred else "the outputs at the anchor",
                got="outputs" if self.centred else "None",
                remedy="Give f0 both to the training and to predict, or to neither.",
            )
        outputs = rows.whole(self.coefficients.to(rows.device)[..., None])[..., 0]
        if f0_test is None:
            return outputs
        return outputs + as_columns("f0_test", f0_test, rows=rows.rows).to(outputs)
