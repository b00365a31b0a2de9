"""Labels of any kind to class indices and class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import DataError, ShapeError


def encode_labels(
    y: Any, *, classes: Sequence[str] | None = None, name: str = "data"
) -> tuple[Tensor, tuple[str, ...]]:
    """Integer or text labels as int64 indices (n,) into a tuple of class names.

    Without `classes`, the classes are the distinct labels: integers in numerical order, text in
    alphabetical order. With `classes`, integers are indices into it and text must be one of its names.
    Class names are kept verbatim, whatever text they are.

    Errors: `DataError` for NaN, for numbers that are not integers (a regression target) and for text that
    is no class; `ShapeError` for more than one label a row.

    >>> encode_labels([3, 8, 3])
    (tensor([0, 1, 0]), ('3', '8'))
    >>> encode_labels(["b", "a"], classes=("b", "a"))
    (tensor([0, 1]), ('b', 'a'))
    """
    labels = _flat(y, name)
    names = None if classes is None else tuple(str(c) for c in classes)
    if labels.dtype.kind in "US":
        return _from_text(labels.astype(str), names, name)
    whole = _whole_numbers(labels, name)
    if names is not None:
        return torch.from_numpy(whole), names
    values, indices = np.unique(whole, return_inverse=True)
    return torch.from_numpy(indices.astype(np.int64)), tuple(str(v) for v in values)


def _flat(y: Any, name: str) -> np.ndarray:
    labels = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
    if labels.dtype.kind == "O" and all(isinstance(v, str) for v in labels.flat):
        labels = labels.astype(str)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ShapeError(
            "y",
            expected="one label a row, of shape (n,)",
            got=str(labels.shape),
            remedy="Turn one-hot rows into labels with y.argmax(1).",
        )
    if labels.dtype.kind not in "biufUS":
        raise DataError(
            f"The labels of {name} must be integers or text, got entries of type {labels.dtype}.",
            remedy="Convert them all to one of the two.",
        )
    return labels


def _from_text(labels: np.ndarray, names: tuple[str, ...] | None, name: str) -> tuple[Tensor, tuple[str, ...]]:
    values, indices = np.unique(labels, return_inverse=True)
    if names is None:
        return torch.from_numpy(indices.astype(np.int64)), tuple(str(v) for v in values)
    position = {c: i for i, c in enumerate(names)}
    for value in values:
        if str(value) not in position:
            raise DataError(
                f"{name} has the label {str(value)!r}, which is none of its {len(names)} classes.",
                remedy="Add it to the class names, or leave them out to take the labels' own.",
            )
    table = np.array([position[str(v)] for v in values], dtype=np.int64)
    return torch.from_numpy(table[indices]), names


def _whole_numbers(labels: np.ndarray, name: str) -> np.ndarray:
    if labels.dtype.kind == "f":
        wrong = np.flatnonzero(~(np.isfinite(labels) & (labels == np.round(labels))))
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{name} has the label {labels[row]} at row {row}; labels are classes, integers or text.",
                remedy="Drop rows without a label; bin a real-valued target into classes.",
            )
    return labels.astype(np.int64)
