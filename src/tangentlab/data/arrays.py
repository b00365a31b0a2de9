"""NumPy's own files: `.npz` with named arrays, `.npy` with one table; never with pickles inside."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tangentlab._errors import DataError
from tangentlab.data.data import Data

SPLIT_NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("train_x", "train_y", "test_x", "test_y"),
    ("train_data", "train_labels", "test_data", "test_labels"),
)
PAIR_NAMES = (
    ("x", "y"),
    ("images", "labels"),
    ("features", "labels"),
    ("data", "labels"),
    ("data", "target"),
    ("inputs", "targets"),
    ("arr_0", "arr_1"),
)
MAGIC = (b"\x93NUMPY", b"PK")
CLASS_NAMES = ("classes", "class_names", "target_names")


def read_arrays(path: str | os.PathLike[str], *, name: str | None = None) -> Data:
    """Data from an `.npz` or `.npy` file, with `allow_pickle=False`.

    An `.npz` holds `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test` (an official split), or one
    of the other usual pairs of names; `classes` beside them names the classes. Capitals do not matter.
    An `.npy` holds one table (n, d + 1) with the labels in the last column.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(Path(folder, "toy.npz"), X=np.eye(3), y=[0, 1, 1], classes=["a", "b"])
    ...     data = read_arrays(Path(folder, "toy.npz"))
    >>> data.name, data.classes, data.n_train
    ('toy', ('a', 'b'), None)
    """
    path = Path(path)
    name = path.stem if name is None else name
    content = _loaded(path)
    if isinstance(content, np.ndarray):
        return _from_table(path, content, name)
    arrays = {key.lower(): value for key, value in content.items()}
    classes = next(([str(c) for c in arrays[key]] for key in CLASS_NAMES if key in arrays), None)
    for names in SPLIT_NAMES:
        if all(key in arrays for key in names):
            x, y, x_test, y_test = (arrays[key] for key in names)
            return Data.from_arrays(
                _joined(path, x, x_test),
                _joined(path, y, y_test),
                name=name,
                classes=classes,
                n_train=_train_rows(path, x, y),
            )
    for names in (*PAIR_NAMES, *(split[:2] for split in SPLIT_NAMES)):
        if all(key in arrays for key in names):
            return Data.from_arrays(arrays[names[0]], arrays[names[1]], name=name, classes=classes)
    raise DataError(
        f"{path} has the arrays {', '.join(content) or '(none)'}; no pair of them is known as rows and labels.",
        remedy="Save them as np.savez(path, x=..., y=...).",
    )


def _loaded(path: Path) -> np.ndarray | Mapping[str, np.ndarray]:
    try:
        with open(path, "rb") as file:
            if not file.read(6).startswith(MAGIC):  # NumPy takes anything else for a pickle
                raise DataError(
                    f"{path} is not a file of NumPy's.", remedy="Save it as np.savez(path, x=..., y=...)."
                )
            file.seek(0)
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            return {key: content[key] for key in content.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        if "allow_pickle" in str(error) or "pickled" in str(error):
            raise DataError(
                f"{path} holds Python objects (a pickle), which could run code when opened.",
                remedy="Save plain arrays of numbers or text in it instead.",
            ) from error
        raise DataError(f"{path} cannot be read: {error}.", remedy="Check the path, or save it again.") from error


def _from_table(path: Path, table: np.ndarray, name: str) -> Data:
    if table.ndim != 2 or table.shape[1] < 2:
        raise DataError(
            f"{path} holds one array of shape {table.shape}, where a table (n, d + 1) was expected, "
            "its last column the labels.",
            remedy="Save rows and labels together as np.savez(path, x=..., y=...).",
        )
    return Data.from_arrays(table[:, :-1], table[:, -1], name=name)


def _joined(path: Path, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    if train.shape[1:] != test.shape[1:] or train.ndim == 0:
        raise DataError(
            f"{path} has a train part with rows of shape {train.shape[1:]} and a test part "
            f"with rows of shape {test.shape[1:]}.",
            remedy="Save both parts with rows of one shape.",
        )
    return np.concatenate([train, test])


def _train_rows(path: Path, x: np.ndarray, y: np.ndarray) -> int:
    if len(x) != len(y):
        raise DataError(
            f"{path} has {len(x)} rows and {len(y)} labels in its train part.",
            remedy="Save as many labels as rows.",
        )
    return len(x)
