"""The page of results, in their store or wherever it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tangentlab._atomic import write_atomically
from tangentlab._errors import ArgumentError
from tangentlab.report import write_report


def write_results(path: str | Path | None, *, store: Path | None, render: Callable[[], str], call: str) -> Path:
    """Write the page of a store; or, of results that no store keeps, what `render` gives, to `path`.

    >>> write_results(None, store=None, render=str, call="compare")
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `path` must be given, as these results are not kept in a store, got None. ...
    """
    if store is not None:
        return write_report(store, path)
    if path is None:
        raise ArgumentError(
            "path",
            expected="given, as these results are not kept in a store",
            got=None,
            remedy=f"Try report('report.html'), or {call}(..., out='runs/mine').",
        )
    path = Path(path)
    write_atomically(path, render().encode("utf-8", "replace"))
    return path
