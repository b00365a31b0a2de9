"""Names that are safe as file names on every system."""

from __future__ import annotations

import re

from tangentlab._errors import ArgumentError

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10))}


def is_name(text: object) -> bool:
    """Whether `text` is 1 to 64 of A-Z a-z 0-9 . _ - without a leading dot, and no device name of Windows.

    >>> is_name("3f9a"), is_name("../x"), is_name("con"), is_name("")
    (True, False, False, False)
    """
    return (
        isinstance(text, str) and _NAME.fullmatch(text) is not None and text.split(".")[0].lower() not in _DEVICES
    )


def expect_name(argument: str, text: object) -> str:
    """Return `text` if it is a safe name, refuse it otherwise.

    >>> expect_name("fingerprint", "3f9a")
    '3f9a'
    >>> expect_name("fingerprint", "../x")
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `fingerprint` must be 1 to 64 of the characters ... got '../x'. Use ...
    """
    if not is_name(text):
        raise ArgumentError(
            argument,
            expected="1 to 64 of the characters A-Z a-z 0-9 . _ - without a leading dot",
            got=ascii(text)[:80],
            remedy="Use tangentlab's own fingerprint, or a plain short name.",
        )
    return str(text)
