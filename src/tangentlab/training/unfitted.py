"""What a learner says that is asked for what only its fit has."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tangentlab._errors import NotFittedError


def unfitted(learner: Any, name: str, fitted: type) -> AttributeError:
    """The error for an attribute that a learner lacks: `NotFittedError` where what its `fit` returns has it.

    >>> from tangentlab.training import KernelRegression
    >>> KernelRegression().predict
    Traceback (most recent call last):
    tangentlab._errors.NotFittedError: This KernelRegression is not fitted, and has no `predict`. Write ...
    >>> hasattr(KernelRegression(), "predict")
    False
    """
    called = type(learner).__name__
    if name in dir(fitted) or name in {field.name for field in fields(fitted)}:
        return NotFittedError(
            f"This {called} is not fitted, and has no `{name}`.",
            remedy=f"Write {called}(...).fit(...).{name}: `fit` returns the fitted one, and leaves this as it is.",
        )
    return AttributeError(f"'{called}' object has no attribute '{name}'")
