"""Axis letters and the checks at the borders between layers.

`n`, `m` rows of two batches · `c` outputs · `p` parameters · `d` inputs · `s` positions that share a weight.
A full kernel is (n, m, c, c); flattened for linear algebra it is (n·c, m·c) with row index i·c + k.
"""

from __future__ import annotations

from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from tangentlab._errors import ArgumentError, NotFiniteError, ShapeError


def expect_shape(name: str, array: Any, axes: str, **sizes: int) -> dict[str, int]:
    """Check that `array` has the axes named in `axes` and return their sizes.

    A letter seen twice must have one size; a digit is that size; known sizes are given by keyword.

    >>> expect_shape("y", np.zeros((4, 2)), "n c", n=4)
    {'n': 4, 'c': 2}
    >>> expect_shape("K", np.zeros((4, 3)), "n n")
    Traceback (most recent call last):
    tangentlab._errors.ShapeError: `K` must be of shape (n, n), got (4, 3). Check the order of its axes.
    """
    letters = axes.split()
    shape = tuple(array.shape)
    found = dict(sizes)
    fits = len(shape) == len(letters)
    for letter, size in zip(letters, shape):
        wanted = int(letter) if letter.isdigit() else found.setdefault(letter, size)
        fits = fits and wanted == size
    if not fits:
        known = ", ".join(f"{k} = {v}" for k, v in sizes.items())
        raise ShapeError(
            name,
            expected=f"of shape ({', '.join(letters)})" + (f" with {known}" if known else ""),
            got=str(shape),
            remedy="Check the order of its axes.",
        )
    return {letter: found[letter] for letter in letters if not letter.isdigit()}


def expect_finite(name: str, array: Any, *, remedy: str = "Clean the rows named here.") -> None:
    """Refuse NaN and infinity, saying how many there are and where the first one stands.

    >>> expect_finite("x", np.array([[0.0, np.nan]]))
    Traceback (most recent call last):
    tangentlab._errors.NotFiniteError: `x` has 1 entry that is not finite, the first at (0, 1). Clean ...
    """
    if hasattr(array, "detach"):
        import torch

        array = array.detach()
        if array.is_meta:
            raise ArgumentError(
                name, expected="an array with values", got="a tensor on the meta device", remedy="Load it first."
            )
        if not (array.is_floating_point() or array.is_complex()):
            return
        # the sum is a number only if all are, and takes no memory; it may overflow by itself
        if bool(torch.isfinite(array.sum())):
            return
        finite = torch.isfinite(array).cpu().numpy()
    elif array.dtype.kind in "fc":
        finite = np.isfinite(array)
    else:
        return
    if finite.all():
        return
    bad = np.argwhere(~finite)
    entries = "1 entry that is" if len(bad) == 1 else f"{len(bad)} entries that are"
    where = tuple(int(i) for i in bad[0])
    raise NotFiniteError(f"`{name}` has {entries} not finite, the first at {where}.", remedy=remedy)


def expect_whole_number(
    name: str,
    value: Any,
    *,
    least: int = 1,
    most: int | None = None,
    expected: str | None = None,
    remedy: str | None = None,
) -> int:
    """A whole number from `least` to `most` as an int; Python's and NumPy's are such, truth values are not.

    >>> expect_whole_number("width", np.int64(100))
    100
    >>> expect_whole_number("width", 0)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `width` must be a whole number of at least 1, got 0. Try width=1.
    """
    whole = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None
    if whole is None or whole < least or (most is not None and whole > most):
        usual = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
        raise ArgumentError(
            name, expected=expected or usual, got=repr(value), remedy=remedy or f"Try {name}={least}."
        )
    return whole


def expect_callable(name: str, value: Any, *, expected: str, remedy: str) -> None:
    """Refuse what cannot be called, naming its type.

    >>> expect_callable("kernel", 3, expected="a function", remedy="Give one.")
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `kernel` must be a function, got int. Give one.
    """
    if not callable(value):
        raise ArgumentError(name, expected=expected, got=type(value).__name__, remedy=remedy)


def expect_path(name: str, value: Any) -> Path:
    """A path of the file system from a string or a path.

    >>> expect_path("store", "a/b").name
    'b'
    >>> expect_path("store", 3)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `store` must be a path, got 3. Pass a string or a pathlib.Path.
    """
    if not isinstance(value, (str, Path)) or "\0" in str(value):
        raise ArgumentError(name, expected="a path", got=repr(value), remedy="Pass a string or a pathlib.Path.")
    return Path(value)
