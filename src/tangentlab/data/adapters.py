"""Data set objects of other libraries, by what they can do: neither library is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.data.data import Data

ROW_COLUMNS = ("image", "img", "images", "pixel_values", "x", "features", "inputs", "data")
LABEL_COLUMNS = ("label", "labels", "y", "target", "class", "fine_label")


def from_dataset(dataset: Any, *, name: str | None = None) -> Data:
    """Data from a torch or Hugging Face data set object, whichever it is.

    >>> from_dataset([(np.zeros(2), 0), (np.ones(2), 1)], name="pairs").x.tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """
    name = type(dataset).__name__.lower() if name is None else name
    if isinstance(dataset, Mapping) or hasattr(dataset, "column_names"):
        return from_hf(dataset, name=name)
    return from_torch(dataset, name=name)


def from_torch(dataset: Any, *, name: str, test: Any = None, classes: Sequence[str] | None = None) -> Data:
    """Data from a map-style torch `Dataset`: `len(dataset)` rows, each a pair of input and label.

    Inputs are tensors, arrays, numbers or PIL images, all of one shape; labels integers or text. `test`
    is a second data set, the official test part. Class names come from `classes`, or from the data set's
    own `classes` attribute. Every row is read once, in order.

    >>> import torch
    >>> pairs = torch.utils.data.TensorDataset(torch.eye(2), torch.tensor([3, 5]))
    >>> from_torch(pairs, name="two").classes
    ('3', '5')
    """
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise ArgumentError(
            "dataset",
            expected="a data set with a length and rows by index",
            got=type(dataset).__name__,
            remedy="For a DataLoader pass its .dataset; collect an iterable data set into a list of pairs.",
        )
    pairs = _pairs(dataset) + ([] if test is None else _pairs(test))
    if not pairs:
        raise DataError(f"{name} has no rows.", remedy="Check the data set.")
    inputs, labels = zip(*pairs)
    names = getattr(dataset, "classes", None) if classes is None else classes
    return Data.from_arrays(
        _stacked(name, inputs),
        np.asarray([_plain(label) for label in labels]),
        name=name,
        classes=names,
        n_train=None if test is None else len(dataset),
    )


def from_hf(
    dataset: Any,
    *,
    name: str,
    x: str | Sequence[str] | None = None,
    y: str | None = None,
    classes: Sequence[str] | None = None,
) -> Data:
    """Data from a Hugging Face `Dataset`, or from a dictionary of them with `train` and `test` parts.

    `y` is the column of labels, by default the first of label, labels, y, target, ...; `x` is the column
    of inputs, by default the first of image, img, pixel_values, x, ..., or several columns of numbers to
    be put side by side, by default all the others. Class names come from the label column's `ClassLabel`.

    >>> from_hf({"width": [1.0, 2.0], "height": [3.0, 4.0], "label": ["a", "b"]}, name="boxes").x.tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    if isinstance(dataset, Mapping) and "train" in dataset and hasattr(dataset["train"], "column_names"):
        parts = [dataset[key] for key in ("train", "test") if key in dataset]
    else:
        parts = [dataset]
    columns = list(parts[0]) if isinstance(parts[0], Mapping) else list(parts[0].column_names)
    label = _chosen("y", y, columns, LABEL_COLUMNS)
    inputs = _inputs(x, [column for column in columns if column != label], columns)
    rows, labels = [], []
    for part in parts:
        blocks = [_stacked(f"column {column!r} of {name}", part[column]) for column in inputs]
        rows.append(blocks[0] if isinstance(x, str) or len(blocks) == 1 else _side_by_side(name, blocks))
        labels.append(np.asarray([_plain(value) for value in part[label]]))
    if len({block.shape[1:] for block in rows}) > 1:
        raise DataError(f"The parts of {name} differ in the shape of their rows.", remedy="Resize them.")
    if classes is None:
        classes = getattr((getattr(parts[0], "features", None) or {}).get(label), "names", None)
    single = rows[0].ndim == 1
    joined = np.concatenate(rows)
    return Data.from_arrays(
        joined[:, None] if single else joined,
        np.concatenate(labels),
        name=name,
        classes=classes,
        n_train=len(rows[0]) if len(parts) == 2 else None,
    )


def _pairs(dataset: Any) -> list[tuple[Any, Any]]:
    pairs = []
    for i in range(len(dataset)):
        row = dataset[i]
        if isinstance(row, Mapping):
            keys = list(row)
            row = (row[_chosen("x", None, keys, ROW_COLUMNS)], row[_chosen("y", None, keys, LABEL_COLUMNS)])
        if not isinstance(row, (tuple, list)) or len(row) != 2:
            raise DataError(
                f"Row {i} of the data set is a {type(row).__name__}, not a pair of input and label.",
                remedy="Wrap the data set so that it returns (input, label).",
            )
        pairs.append((row[0], row[1]))
    return pairs


def _chosen(argument: str, given: str | None, columns: list[str], usual: Sequence[str]) -> str:
    if given is not None and given not in columns:
        raise UnknownNameError(argument, given, columns)
    found = given or next((column for column in usual if column in columns), None)
    if found is None:
        raise DataError(
            f"None of the columns {', '.join(columns)} is known as {argument}.",
            remedy=f"Name it with {argument}=.",
        )
    return found


def _inputs(x: str | Sequence[str] | None, rest: list[str], columns: list[str]) -> list[str]:
    if x is None:
        usual = [column for column in ROW_COLUMNS if column in rest]
        return usual[:1] or rest
    wanted = [x] if isinstance(x, str) else list(x)
    return [_chosen("x", column, columns, ()) for column in wanted]


def _side_by_side(name: str, blocks: list[np.ndarray]) -> np.ndarray:
    if any(block.ndim != 1 for block in blocks):
        raise DataError(
            f"Some columns of {name} hold more than one number a row.", remedy="Choose one column with x=."
        )
    return np.stack(blocks, axis=1)


def _stacked(name: str, values: Any) -> np.ndarray:
    """Rows of one shape as one array; PIL images all grey or all in colour."""
    values = list(values)
    modes = {value.mode for value in values if hasattr(value, "convert") and hasattr(value, "mode")}
    mode = "L" if modes <= {"1", "L", "LA"} else "RGB"
    rows = [
        np.asarray(value.convert(mode)) if modes and hasattr(value, "convert") else _row(value) for value in values
    ]
    for i, row in enumerate(rows):
        if row.dtype.kind not in "biuf":
            raise DataError(
                f"{name} holds {row.dtype} in row {i}, where numbers or an image were expected.",
                remedy="Encode text as numbers first.",
            )
        if row.shape != rows[0].shape:
            raise DataError(
                f"{name} has shape {rows[0].shape} in row 0 and {row.shape} in row {i}.",
                remedy="Crop, pad or resize the rows to one shape.",
            )
    return np.stack(rows) if rows else np.zeros((0, 1))


def _row(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _plain(label: Any) -> Any:
    return label.item() if hasattr(label, "item") else label
