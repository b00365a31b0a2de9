"""The IDX format of MNIST and its family, plain or gzipped.

A file is: two zero bytes, a byte for the type, a byte for the number of axes, each axis as a big-endian
32-bit size, then the entries in row-major order.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np

from tangentlab._errors import DataError
from tangentlab.data.data import Data

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CHUNK = 1 << 24


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file; gzip is recognized by its first bytes, not by the name.

    Errors: `DataError` for a file that cannot be read, a header that is not IDX, and content shorter or
    longer than the header announces. At most one byte beyond what the header announces is read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "three-bytes")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    ...     read_idx(path)
    array([7, 8, 9], dtype=uint8)
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            kind, shape = _header(path, file)
            wanted = math.prod(shape) * np.dtype(kind).itemsize
            content = _at_most(file, wanted + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}.", remedy="Fetch the file again.") from error
    if len(content) != wanted:
        amount = f"only {len(content)}" if len(content) < wanted else "more than"
        of = f" of the {wanted}" if len(content) < wanted else f" the {wanted}"
        raise DataError(
            f"{path} holds {amount}{of} bytes its header announces for the shape {shape}.",
            remedy="Fetch the file again; it was cut off or overwritten.",
        )
    array = np.frombuffer(content, dtype=kind).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def missing_idx(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Which of the four files of an IDX data set a folder lacks, by their usual names.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(missing_idx(folder))
    4
    """
    return tuple(file for file in FILES if _locate(Path(folder), file) is None)


def read_idx_folder(folder: str | os.PathLike[str], *, name: str, classes: Sequence[str] | None = None) -> Data:
    """Data from the four IDX files of a folder, the t10k pair as the official test part.

    Files are named as MNIST's are, with or without `.gz`, and with `-idx` or `.idx`.

    >>> import tempfile
    >>> images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 255])
    >>> labels = bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for file in FILES:
    ...         _ = Path(folder, file).write_bytes(images if "images" in file else labels)
    ...     data = read_idx_folder(folder, name="dots")
    >>> data.n, data.n_train, data.x.flatten().tolist()
    (4, 2, [0.0, 1.0, 0.0, 1.0])
    """
    folder = Path(folder)
    paths = [_locate(folder, file) for file in FILES]
    lacking = ", ".join(file for file, path in zip(FILES, paths) if path is None)
    if lacking:
        raise DataError(f"{folder} lacks {lacking}.", remedy="Put all four IDX files in one folder.")
    images, labels, test_images, test_labels = (read_idx(path) for path in paths if path is not None)
    for path, array, axes in zip(paths, (images, labels, test_images, test_labels), (3, 1, 3, 1)):
        if array.ndim != axes or array.dtype != np.uint8:
            raise DataError(
                f"{path} must hold bytes with {axes} axes, got {array.dtype} of shape {array.shape}.",
                remedy="Check that images and labels are not exchanged.",
            )
    if images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"The train images in {folder} are of size {images.shape[1:]}, "
            f"the test images of size {test_images.shape[1:]}.",
            remedy="Put the files of one data set in the folder.",
        )
    _check_pair(folder, "train", len(images), len(labels))
    _check_pair(folder, "test", len(test_images), len(test_labels))
    x = np.concatenate([images, test_images])
    y = np.concatenate([labels, test_labels])
    return Data.from_arrays(x, y, name=name, classes=classes, n_train=len(images))


def _check_pair(folder: Path, part: str, images: int, labels: int) -> None:
    if images != labels:
        raise DataError(
            f"The {part} part in {folder} has {images} images and {labels} labels.",
            remedy="Fetch the two files again, from one place.",
        )


def _locate(folder: Path, file: str) -> Path | None:
    for stem in (file, file.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            if os.path.isfile(path := folder / (stem + suffix)):
                return path
    return None


def _opened(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path, "rb") if zipped else open(path, "rb"))


def _header(path: Path, file: IO[bytes]) -> tuple[str, tuple[int, ...]]:
    start = file.read(4)
    axes = start[3] if len(start) == 4 else 0
    if len(start) != 4 or start[:2] != b"\0\0" or start[2] not in TYPES or axes == 0:
        raise DataError(
            f"{path} does not begin as an IDX file: its first bytes are {start.hex(' ') or 'missing'}.",
            remedy="Fetch the file again; a web page saved under this name is the usual cause.",
        )
    sizes = file.read(4 * axes)
    if len(sizes) != 4 * axes:
        raise DataError(f"{path} ends inside its header.", remedy="Fetch the file again.")
    return TYPES[start[2]], struct.unpack(f">{axes}I", sizes)


def _at_most(file: IO[bytes], limit: int) -> bytearray:
    """Read in chunks, so that a header announcing petabytes reserves no memory."""
    content = bytearray()
    while len(content) < limit:
        chunk = file.read(min(CHUNK, limit - len(content)))
        if not chunk:
            break
        content += chunk
    return content
