"""CIFAR-10, both as its binary records and as its Python pickles.

A binary record is 3073 bytes: the label, then 1024 bytes each of red, green and blue, row by row.
A pickle is a dictionary with `data`, uint8 (n, 3072) in the same order, and `labels`, a list.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tangentlab._errors import DataError
from tangentlab.data.array_pickle import read_array_pickle
from tangentlab.data.data import Data

RECORD = 3073
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PICKLES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
BINARIES = tuple(f"{file}.bin" for file in PICKLES)


def read_cifar_binary(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 3, 32, 32) and labels (n,) of one binary file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "one.bin")
    ...     _ = path.write_bytes(bytes([7]) + bytes(3072))
    ...     images, labels = read_cifar_binary(path)
    >>> images.shape, labels.tolist()
    ((1, 3, 32, 32), [7])
    """
    content = _content(Path(path))
    if len(content) == 0 or len(content) % RECORD:
        raise DataError(
            f"{path} has {len(content)} bytes, which is no whole number of {RECORD}-byte CIFAR-10 records.",
            remedy="Fetch the file again; CIFAR-100 records have 3074 bytes and are not read.",
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def read_cifar_pickle(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 3, 32, 32) and labels (n,) of one pickle, read without running any code in it.

    >>> import pickle, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "one")
    ...     _ = path.write_bytes(pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [3, 5]}))
    ...     images, labels = read_cifar_pickle(path)
    >>> images.shape, labels.tolist()
    ((2, 3, 32, 32), [3, 5])
    """
    path = Path(path)
    batch = read_array_pickle(_content(path), name=str(path))
    batch = {_text(key): value for key, value in batch.items()} if isinstance(batch, dict) else {}
    images, labels = batch.get("data"), batch.get("labels")
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != RECORD - 1:
        raise DataError(
            f"{path} has no `data` array of bytes with {RECORD - 1} columns.",
            remedy="Use the files of cifar-10-python.tar.gz as they are.",
        )
    whole = isinstance(labels, list) and all(type(label) is int for label in labels)
    if not isinstance(labels, list) or not whole or len(labels) != len(images):
        raise DataError(
            f"{path} has no list `labels` with one integer for each of its {len(images)} images.",
            remedy="Use the files of cifar-10-python.tar.gz as they are.",
        )
    outside = [label for label in labels if not 0 <= label < 256]
    if outside:
        raise DataError(f"{path} has the label {outside[0]}.", remedy="CIFAR-10 labels run from 0 to 9.")
    return images.reshape(-1, 3, 32, 32), np.asarray(labels, dtype=np.int64)


def missing_cifar(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Which files a folder lacks to be CIFAR-10, in the format of which it has more.

    >>> missing_cifar("nowhere")[0]
    'data_batch_1.bin'
    """
    lacks = [
        tuple(file for file in files if not os.path.isfile(Path(folder, file))) for files in (BINARIES, PICKLES)
    ]
    return min(lacks, key=len)


def read_cifar_folder(
    folder: str | os.PathLike[str], *, name: str = "cifar10", classes: Sequence[str] = CLASSES
) -> Data:
    """Data from the six files of a folder, `test_batch` as the official test part.

    Binary files are preferred where both formats are complete.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for label, file in enumerate(BINARIES):
    ...         _ = Path(folder, file).write_bytes(bytes([label]) + bytes(3072))
    ...     data = read_cifar_folder(folder)
    >>> data.n_train, data.shape, [data.classes[label] for label in data.y[:3]]
    (5, (3, 32, 32), ['airplane', 'automobile', 'bird'])
    """
    lacking = missing_cifar(folder)
    if lacking:
        raise DataError(
            f"{folder} lacks {', '.join(lacking)}.", remedy="Unpack all six CIFAR-10 files in one folder."
        )
    binary = all(os.path.isfile(Path(folder, file)) for file in BINARIES)
    files, read = (BINARIES, read_cifar_binary) if binary else (PICKLES, read_cifar_pickle)
    images, labels = zip(*(read(Path(folder, file)) for file in files))
    x = np.concatenate(images)
    n_train = sum(len(part) for part in labels[:-1])
    return Data.from_arrays(x, np.concatenate(labels), name=name, classes=classes, n_train=n_train)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.", remedy="Check its name and rights.") from error


def _text(key: object) -> object:
    return key.decode("latin1") if isinstance(key, bytes) else key
