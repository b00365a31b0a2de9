"""Pickles of plain values and byte arrays, read without running any code.

A pickle names functions and classes that its reader calls. This reader knows five such names, those by
which NumPy arrays are written, and answers each with a stand-in of its own that accepts bytes and shapes
and nothing else; any other name is refused before anything is called. NumPy's own unpickling never runs.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np

from tangentlab._errors import DataError


def read_array_pickle(content: bytes, *, name: str = "the pickle") -> Any:
    """Dictionaries, lists, numbers, text, bytes and uint8 arrays from a pickle of any protocol.

    Text of Python 2 comes as bytes. Errors: `DataError` naming the first global that is not part of a
    byte array, or saying that the pickle is damaged.

    >>> read_array_pickle(pickle.dumps({"labels": [1, 2], "data": np.arange(3, dtype=np.uint8)}))
    {'labels': [1, 2], 'data': array([0, 1, 2], dtype=uint8)}
    >>> read_array_pickle(pickle.dumps(print))
    Traceback (most recent call last):
    tangentlab._errors.DataError: the pickle asks for builtins.print, which is no part of a byte array, \
so it was not opened. Do not use this file; fetch the original.
    """
    try:
        return _finished(_Unpickler(io.BytesIO(content), name=name).load())
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way at all
        raise DataError(
            f"{name} is damaged or no pickle of byte arrays: {error}.", remedy="Fetch the original file again."
        ) from error


class _Array:
    """What becomes of an array while its pickle is read."""

    def __init__(self) -> None:
        self.value = np.zeros(0, np.uint8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, columns_first, content = state
        self.value = _bytes_array(content, dtype, shape, "F" if columns_first else "C")


class _Type:
    """A NumPy type by its code; only `u1` can be used."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code

    def __setstate__(self, state: object) -> None:
        """Byte order and the like: without meaning for single bytes."""


class _ArrayClass:
    """Stands for `numpy.ndarray`, which is only passed on, never called."""


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _from_buffer(content: Any, dtype: object, shape: Any, order: str) -> _Array:
    array = _Array()
    array.value = _bytes_array(content, dtype, shape, order)
    return array


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"bytes encoded as {encoding!r}")
    return text.encode("latin1")


def _bytes_array(content: Any, dtype: object, shape: Any, order: str) -> np.ndarray:
    if not isinstance(dtype, _Type) or dtype.code.lstrip("|<>=") != "u1":
        raise ValueError("an array that is not of bytes (uint8)")
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(content, (bytes, bytearray)) or len(content) != math.prod(shape):
        raise ValueError(f"an array of shape {shape} without as many bytes")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape, order="F" if order == "F" else "C")


KNOWN = {
    ("numpy", "ndarray"): _ArrayClass,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, *, name: str) -> None:
        super().__init__(file, encoding="bytes")
        self.name = name

    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return KNOWN[module, name]
        except KeyError:
            raise DataError(
                f"{self.name} asks for {module}.{name}, which is no part of a byte array, so it was not opened.",
                remedy="Do not use this file; fetch the original.",
            ) from None


def _finished(value: Any) -> Any:
    """Replace the stand-ins by their arrays, in dictionaries and lists too."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {key: _finished(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_finished(entry) for entry in value)
    return value
