"""What a store must still agree with to be gone on with: this version, names alone, and what is behind the names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tangentlab import __version__
from tangentlab._errors import StoreError
from tangentlab.records import Store


def expect_resumable(store: Store, *, call: str, anew: str) -> None:
    """Refuse a store of another version, or one that was started from Python with things that have no name.

    `call` is the function of this package that starts such a run, `anew` the command that does.
    """
    if given := store.spec.get("given"):
        raise StoreError(
            f"{store.path} was started from Python with its own {' and '.join(given)}.",
            remedy=f"Make the same call of tangentlab.{call} again, with out={str(store.path)!r}.",
        )
    if (version := store.spec["identities"].get("version")) != __version__:
        raise StoreError(
            f"{store.path} was started by tangentlab {version}, and this is {__version__}: readings of both would not "
            "be comparable.",
            remedy=_anew(anew),
        )


def expect_unchanged(store: Store, identities: Mapping[str, Any], *, anew: str) -> None:
    """Refuse a store whose data or networks are no longer those of the same names now."""
    then = store.spec["identities"]
    if changed := sorted(name for name in identities if identities[name] != then.get(name)):
        raise StoreError(
            f"{store.path} cannot be resumed, for what it was started with has changed: {', '.join(changed)}.",
            remedy=_anew(anew),
        )


def _anew(command: str) -> str:
    return f"Start anew with `{command} --out` and a new folder."
