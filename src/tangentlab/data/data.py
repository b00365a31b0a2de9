"""Labelled rows: the one form in which data enters the laboratory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, ShapeError
from tangentlab._fingerprint import fingerprint
from tangentlab.data.labels import encode_labels
from tangentlab.data.normalization import Normalization
from tangentlab.data.pixels import unit_pixels


@dataclass(frozen=True, eq=False, kw_only=True)
class Data:
    """Rows `x` with labels `y`, checked once and then trusted by everything downstream.

    Fields: `x` float32 (n, ...), images as (n, channels, height, width) with pixels in [0, 1];
    `y` int64 (n,), indices into `classes`; `n_train`, when the data have an official split, says that
    the first `n_train` rows are its train part and the others its test part.
    Build one from arrays of your own with `Data.from_arrays`.

    Errors: `DataError` for no rows, NaN or infinity, labels outside the classes; `ShapeError` for labels
    that do not match the rows.

    >>> data = Data(name="two", x=torch.zeros(2, 3), y=torch.tensor([0, 1]), classes=("no", "yes"))
    >>> data.n, data.shape
    (2, (3,))
    """

    name: str
    x: Tensor
    y: Tensor
    classes: tuple[str, ...]
    n_train: int | None = None
    version: str = "1"

    def __post_init__(self) -> None:
        if self.x.dtype != torch.float32 or self.y.dtype != torch.int64:
            raise ArgumentError(
                "x, y",
                expected="float32 rows and int64 labels",
                got=f"{self.x.dtype} and {self.y.dtype}",
                remedy="Use Data.from_arrays, which converts.",
            )
        _check_rows(self.name, self.x)
        if self.y.shape != self.x.shape[:1]:
            raise _wrong_length(self.x.shape[0], self.y.shape)
        _check_classes(self.name, self.y, self.classes)
        if self.n_train is not None and not 0 < self.n_train < self.n:
            raise ArgumentError(
                "n_train",
                expected=f"between 1 and {self.n - 1}, so that both parts have rows",
                got=self.n_train,
                remedy="Pass None for data without an official split.",
            )

    def __repr__(self) -> str:
        return f"Data({self.name!r}, {self.n:,} rows of shape {self.shape}, {len(self.classes)} classes)"

    @property
    def n(self) -> int:
        """Rows of both parts together.

        >>> Data.from_arrays([[0.0], [1.0]], [0, 1], name="two").n
        2
        """
        return self.x.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row, what a network is built for.

        >>> Data.from_arrays(np.zeros((4, 1, 8, 8)), [0, 1, 0, 1], name="blank").shape
        (1, 8, 8)
        """
        return tuple(self.x.shape[1:])

    @cached_property
    def _sha256(self) -> str:
        content = {"x": self.x, "y": self.y, "classes": self.classes, "n_train": self.n_train}
        return fingerprint(content, length=64)

    @property
    def identity(self) -> dict[str, str]:
        """Name, version and SHA-256 of the content: equal exactly when the data are the same.

        >>> a = Data.from_arrays([[0.0], [1.0]], [0, 1], name="two")
        >>> b = Data.from_arrays([[0.0], [2.0]], [0, 1], name="two")
        >>> a.identity["name"], a.identity == b.identity
        ('two', False)
        """
        return {"name": self.name, "version": self.version, "sha256": self._sha256}

    def normalization(self, rows: Tensor) -> Normalization:
        """That of the rows (n,) at some indices; the last one is kept, for many tasks are drawn from the same rows.

        >>> data = Data.from_arrays([[0.0], [4.0], [9.0]], [0, 1, 0], name="three")
        >>> data.normalization(torch.tensor([0, 1])).mean.tolist()
        [2.0]
        """
        for kept, found in self._last_normalization:
            if torch.equal(kept, rows):
                return found
        found = Normalization.of(self.x[rows])
        self._last_normalization[:] = [(rows.clone(), found)]
        return found

    @cached_property
    def _last_normalization(self) -> list[tuple[Tensor, Normalization]]:
        return []

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any,
        *,
        name: str,
        classes: Sequence[str] | None = None,
        n_train: int | None = None,
        version: str = "1",
    ) -> Data:
        """Data from NumPy arrays, torch tensors or lists; the arrays are copied.

        `x` (n, ...) real numbers, rows first. uint8 with three or more axes is taken for images:
        divided by 255 and put as (n, channels, height, width); anything else keeps its values and shape.
        `y` (n,) or (n, 1): integers or text. Without `classes` the classes are the distinct labels in
        order; with `classes`, integers are indices into it and text is looked up in it.

        >>> data = Data.from_arrays([[0.5], [1.5], [2.5]], ["cat", "dog", "cat"], name="pets")
        >>> data.classes, data.y.tolist()
        (('cat', 'dog'), [0, 1, 0])
        >>> Data.from_arrays(np.full((2, 28, 28), 255, np.uint8), [0, 1], name="white").x.unique()
        tensor([1.])
        """
        rows = _real_rows(name, x)
        labels, names = encode_labels(y, classes=classes, name=name)
        return cls(name=name, x=rows, y=labels.to(rows.device), classes=names, n_train=n_train, version=version)


def _real_rows(name: str, x: Any) -> Tensor:
    """Any array of real numbers as a float32 tensor of its own."""
    if not isinstance(x, Tensor):
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise DataError(
                f"The rows of {name} do not all have one shape.", remedy="Crop, pad or resize them first."
            ) from error
        if array.dtype.kind not in "biuf":
            raise DataError(
                f"The rows of {name} must be numbers, got entries of type {array.dtype}.",
                remedy="Encode text and categories as numbers first.",
            )
        if array.dtype != np.uint8:
            with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
                array = array.astype(np.float32)
        x = torch.tensor(array)
    if x.is_complex():
        raise DataError(
            f"The rows of {name} must be real numbers, got {x.dtype}.",
            remedy="Pass real and imaginary parts as two features.",
        )
    if x.dtype == torch.uint8 and x.ndim >= 3:
        return unit_pixels(x, name=name)
    return x.detach().to(torch.float32, copy=True)


def _check_rows(name: str, x: Tensor) -> None:
    if x.ndim < 2:
        raise ShapeError(
            "x",
            expected="rows first and at least one more axis",
            got=str(tuple(x.shape)),
            remedy="For one feature a row pass x[:, None].",
        )
    if x.numel() == 0:
        raise DataError(
            f"{name} is empty: its rows are of shape {tuple(x.shape)}.",
            remedy="Check the file, or the filter that made it.",
        )
    if not bool(torch.isfinite(x).all()):
        bad = (~torch.isfinite(x.flatten(1))).any(dim=1).nonzero().flatten()
        rows = "1 row" if len(bad) == 1 else f"{len(bad)} rows"
        raise DataError(
            f"{name} has {rows} with NaN, infinity or an empty cell, the first is row {int(bad[0])}.",
            remedy="Drop or fill such rows first.",
        )


def _check_classes(name: str, y: Tensor, classes: tuple[str, ...]) -> None:
    if len(set(classes)) != len(classes) or not all(isinstance(c, str) for c in classes):
        raise ArgumentError(
            "classes", expected="distinct strings", got=repr(classes), remedy="Give each class a name of its own."
        )
    outside = ((y < 0) | (y >= len(classes))).nonzero().flatten()
    if len(outside):
        row = int(outside[0])
        raise DataError(
            f"{name} has the label {int(y[row])} at row {row}, outside its {len(classes)} classes.",
            remedy=f"Labels run from 0 to {len(classes) - 1}; pass all the class names.",
        )


def _wrong_length(rows: int, got: Sequence[int]) -> ShapeError:
    count = f"{got[0]} labels" if len(got) == 1 else f"labels of shape {tuple(got)}"
    return ShapeError(
        "y",
        expected=f"one label for each of the {rows} rows of x",
        got=count,
        remedy="Pass as many labels as rows.",
    )
