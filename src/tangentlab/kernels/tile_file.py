"""A tile as a file: its numbers as they lie in memory, then their CRC-32C, which is how Zarr writes such a chunk.

Fresh memory is slow, often slower than a disk. So tiles are read one after the other into the same room, and written
from where they are: a pass over a store that the system still has in memory costs about what a copy does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tangentlab._atomic import whole_file
from tangentlab._errors import MissingExtraError

_SEAL = struct.Struct("<I")


@dataclass(frozen=True, eq=False)
class TileRoom:
    """Room for a tile's `numbers` (step, step), to read tiles of one store into.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_tile_file(Path(folder) / "0" / "1", torch.ones(2, 1), step=2)
    ...     TileRoom.of(2, dtype="float32").read(Path(folder) / "0" / "1")[:, :1].tolist()
    [[1.0], [1.0]]
    """

    numbers: np.ndarray

    @staticmethod
    def of(step: int, *, dtype: str) -> TileRoom:
        """Room for tiles of so many rows and columns."""
        return TileRoom(np.empty((step, step), dtype=_stored(dtype)))

    def read(self, path: Path) -> Tensor | None:
        """The tile of a file, (step, step), in this room and until the next one is read into it; None if damaged."""
        seal = bytearray(_SEAL.size + 1)  # one byte more than there should be: a longer file is damaged too
        with open(path, "rb", buffering=0) as file:
            got, count = self.numbers.data.cast("B"), 0
            while count < len(got) and (more := file.readinto(got[count:])):
                count += more
            whole = count == len(got) and file.readinto(seal) == _SEAL.size
        if not whole or _SEAL.unpack_from(seal)[0] != _checksum(self.numbers):
            return None
        return torch.from_numpy(self.numbers.astype(self.numbers.dtype.newbyteorder("="), copy=False))


def write_tile_file(path: Path, values: Tensor, *, step: int) -> None:
    """Put a tile (rows, columns) under its name, whole or not at all: beside it first, then renamed.

    Smaller tiles, at the kernel's edges, are filled up with NaN. Not flushed to the disk: should the machine lose its
    power, what was lost does not match its checksum and is computed again.
    """
    name = str(values.dtype).removeprefix("torch.")
    if values.shape == (step, step):
        numbers = np.ascontiguousarray(values.cpu().numpy(), dtype=_stored(name))
    else:
        numbers = np.full((step, step), np.nan, dtype=_stored(name))
        numbers[: values.shape[0], : values.shape[1]] = values.cpu().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, durable=False) as file:
        file.write(numbers.data)
        file.write(_SEAL.pack(_checksum(numbers)))


def _stored(dtype: str) -> np.dtype:
    """Little-endian, whatever the machine is."""
    return np.dtype(dtype).newbyteorder("<")


def _checksum(numbers: np.ndarray) -> int:
    try:
        import google_crc32c  # a checksum in Python alone is a thousand times slower
    except ImportError as error:
        raise MissingExtraError("google-crc32c", extra="store") from error
    numbers = numbers.view()
    numbers.flags.writeable = False  # it takes no others without a copy
    return google_crc32c.value(numbers)
