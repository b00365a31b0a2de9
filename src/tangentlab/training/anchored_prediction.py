"""f0(x) + K(x, X) a: the outputs of a linear learner on new rows, from its coefficients and their kernel."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tangentlab._errors import ArgumentError, ShapeError
from tangentlab.linalg import as_columns
from tangentlab.training.kernel_rows import kernel_rows


def anchored_prediction(K_test: Any, coefficients: Tensor, f0_test: Any, *, centred: bool, form: str) -> Tensor:
    """f0_test + K_test a, (m, c) float64, for K_test in memory or in a file and a (n, c).

    K_test is (m, n), (m, n, c) or (m, n, c, c), of the `form` of the Gram that was learned on; f0_test is needed
    exactly when the learner is not `centred`.

    >>> import torch
    >>> a = torch.ones(2, 1, dtype=torch.float64)
    >>> anchored_prediction(torch.eye(2), a, [5.0, 6.0], centred=False, form="shared").flatten().tolist()
    [6.0, 7.0]
    """
    n, c = coefficients.shape
    rows = kernel_rows(K_test, outputs=c, name="K_test")
    if rows.columns != n or (c > 1 and rows.form != form):
        raise ShapeError(
            "K_test",
            expected=f"a kernel against the {n} training rows, {form} as K was",
            got=f"a {rows.form} one with {rows.columns} columns",
            remedy="Use the same outputs=, test rows first: ntk(model, x_test, x_train).",
        )
    if (f0_test is None) != centred:
        raise ArgumentError(
            "f0_test",
            expected="left out, as f0 was" if centred else "given, as f0 was",
            got="outputs" if centred else "None",
            remedy="Give the outputs at the anchor for both sets of rows, or for neither (centred).",
        )
    outputs = rows.whole(coefficients.to(rows.device)[..., None])[..., 0]
    if f0_test is None:
        return outputs
    return outputs + as_columns("f0_test", f0_test, rows=rows.rows, outputs=c).to(outputs)
