"""Arrays at the border: NumPy or torch in, a finite floating tensor out, with the rounding it was made in.

A float32 Gram widened to float64 still carries float32 rounding, so the unit roundoff is asked for
before anything is widened.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_finite


def floating_tensor(name: str, array: Any, *, finite: bool = True) -> Tensor:
    """A detached floating tensor from a tensor, an array or nested lists, checked to be finite.

    Integers and booleans become float64, half precision float32, everything else keeps dtype and device.
    No copy is made where none is needed. Cost O(size).

    >>> floating_tensor("y", [1, -1]).dtype
    torch.float64
    """
    if isinstance(array, Tensor):
        tensor = array.detach()
    else:
        try:
            values = np.asarray(array)
            refuse_words(name, values)
            plain = values.flags.writeable and min(values.strides, default=0) >= 0
            tensor = torch.from_numpy(values if plain else values.copy())
        except ArgumentError:
            raise
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                name,
                expected="an array of real numbers",
                got=type(array).__name__,
                remedy="Pass a tensor or a NumPy array.",
            ) from error
    if tensor.is_complex() or tensor.layout != torch.strided:
        raise ArgumentError(
            name,
            expected="a dense array of real numbers",
            got=f"{tensor.dtype}, {tensor.layout}",
            remedy="Pass its real part, dense.",
        )
    if finite:
        expect_finite(name, tensor)
    if not tensor.is_floating_point():
        return tensor.to(torch.float64)
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def refuse_words(name: str, values: np.ndarray) -> None:
    """Refuse an array of words, as labels may be.

    >>> refuse_words("y", np.array(["cat", "dog"]))
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `y` must be an array of real numbers, got words, such as 'cat'. Make numbers ...
    """
    first = values.flat[0] if values.size and values.dtype.kind in "OUS" else None
    if isinstance(first, str | bytes):
        word = repr(str(first) if isinstance(first, str) else bytes(first))[:30]
        raise ArgumentError(
            name,
            expected="an array of real numbers",
            got=f"words, such as {word}",
            remedy=f"Make numbers of them: 2.0 * (labels == {word}) - 1 tells one class from the others.",
        )


def rounding_of(array: Any) -> float:
    """Unit roundoff of the dtype in which an array was computed: the machine epsilon of its dtype.

    >>> rounding_of(np.zeros(1, np.float32)) == float(np.finfo(np.float32).eps)
    True
    """
    if isinstance(array, Tensor):
        return float(torch.finfo(array.dtype if array.is_floating_point() else torch.float64).eps)
    dtype = np.asarray(array).dtype
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
