"""One setting of a study, checked against the kind of its default."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

from tangentlab._errors import ArgumentError


def checked(name: str, value: Any, *, like: Any) -> Any:
    """`value` as a setting of the same kind as `like`: a number, a text, a truth value, or a list of such.

    Whole numbers may stand where a fraction does, one value for a list of one, and for `seeds` their number.

    >>> checked("index", 3, like=[1, 10]), checked("epochs", 5, like=30), checked("seeds", 3, like=[0])
    ([3], 5, [0, 1, 2])
    >>> checked("epochs", "many", like=30)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `epochs` must be a whole number, got 'many'. ...
    """
    if isinstance(like, list):
        if name == "seeds" and _whole(value):
            if value < 1:
                remedy = "Try seeds=3; seed 0 alone is seeds=1."
                raise ArgumentError(name, expected="a positive number of seeds", got=value, remedy=remedy)
            return list(range(value))
        listed = list(value) if isinstance(value, (list, tuple, range)) else [value]
        if not listed:
            raise ArgumentError(name, expected="at least one value", got="none", remedy=f"Try {like!r}.")
        if name != "shape" and any(one in listed[:place] for place, one in enumerate(listed)):
            raise ArgumentError(
                name, expected="values without repetitions", got=repr(value), remedy=f"Try {like!r}."
            )
        return [checked(name, one, like=like[0]) if like else one for one in listed]
    wanted, fits = _kind(like)
    if not fits(value):
        raise ArgumentError(name, expected=wanted, got=repr(value), remedy=f"Try {like!r}.")
    return type(like)(value)


def _kind(like: Any) -> tuple[str, Any]:
    if isinstance(like, bool):
        return "true or false", lambda value: isinstance(value, bool)
    if isinstance(like, int):
        return "a whole number", lambda value: _whole(value) and value >= 0
    if isinstance(like, float):
        return (
            "a finite number",
            lambda value: _whole(value) or (isinstance(value, float) and math.isfinite(value)),
        )
    return "a text", lambda value: isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
