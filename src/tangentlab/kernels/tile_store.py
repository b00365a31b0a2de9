"""A store of kernel tiles on disk: a Zarr array of which a file is a tile, each with its checksum.

::

    STORE/zarr.json      what the kernel is: anchor, data, flavour, sizes, versions (attribute "tangentlab")
    STORE/c/3/5          the tile of blocks 3 and 5, under its name once it is whole (written aside, then renamed)

The array is the kernel's matrix (N, N), NaN where nothing was computed: below the diagonal of tiles, and where tiles
are missing. Any Zarr reader opens it. A float32 kernel does not compress, so tiles are stored as they are.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from tangentlab._atomic import PARTIAL, explain
from tangentlab._errors import DamagedRecordError, MissingExtraError, StoreError
from tangentlab._fingerprint import fingerprint
from tangentlab.kernels.memory_budget import bytes_in_words
from tangentlab.kernels.tile_file import TileRoom, write_tile_file
from tangentlab.kernels.tiles import Pair, Progress
from tangentlab.linalg import SymmetricTiles

FORMAT = 1
_ABOUT, _SEAL = "tangentlab", "tangentlab-seal"
_WORDS = {
    "kernel": "another kernel (its network, weights or outputs differ)",
    "data": "other rows of data",
    "method": "a kernel computed by another method",
    "tile": "tiles of another size",
    "size": "a kernel of another size",
    "dtype": "numbers of another precision",
}


@dataclass(frozen=True, eq=False)
class TileStore:
    """The tiles of one kernel in the folder `path`, to write in any order, from any process, and to read again.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     about = {"kernel": "k", "data": "d", "size": 3, "tile": 2, "side": 1, "dtype": "float32"}
    ...     store = TileStore.at(Path(folder) / "kernel", about)
    ...     store.write((0, 1), torch.ones(2, 1))
    ...     store.missing(), store.read((0, 1)).tolist()
    ([(0, 0), (1, 1)], [[1.0], [1.0]])
    """

    path: Path
    about: Mapping[str, Any]
    array: Any

    @staticmethod
    def is_one(path: Path | str) -> bool:
        """Whether a folder looks like a store of tiles, without reading it."""
        return (Path(path) / "zarr.json").is_file()

    @staticmethod
    def at(path: Path | str, about: Mapping[str, Any]) -> TileStore:
        """The store of the kernel `about` in a folder: made if the folder is new or empty, refused if of another."""
        path = Path(path)
        if TileStore.is_one(path):
            found = TileStore.open(path)
            for key, what in _WORDS.items():
                if found.about.get(key) != about.get(key):
                    raise StoreError(
                        f"{path} holds {what}.", remedy="Give a new folder, or what it was made with."
                    )
            return found
        zarr = _zarr()
        aside = path / f"{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}"
        try:
            if path.exists() and any(entry.suffix != PARTIAL for entry in path.iterdir()):
                if TileStore.is_one(path):  # another process has just made it
                    return TileStore.at(path, about)
                raise StoreError(f"{path} is not empty and holds no tiles.", remedy="Give a new folder.")
            zarr.create_array(
                store=str(aside),
                shape=(about["size"],) * 2,
                chunks=(about["tile"] * about["side"],) * 2,
                dtype=about["dtype"],
                fill_value=float("nan"),
                filters=None,
                compressors=[zarr.codecs.Crc32cCodec()],
                chunk_key_encoding={"name": "default", "separator": "/"},
                attributes=_sealed(about),
            )
            _put_first(aside / "zarr.json", path / "zarr.json")
        except OSError as error:
            raise explain(error, path, doing="written") from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return TileStore.at(path, about)

    @staticmethod
    def open(path: Path | str) -> TileStore:
        """The store in a folder, whatever kernel it holds."""
        path = Path(path)
        if not TileStore.is_one(path):
            raise StoreError(f"{path} is not a store of tiles.", remedy="Check the path.")
        zarr = _zarr()
        try:
            array = zarr.open_array(store=str(path), mode="r+")
            about = dict(array.attrs[_ABOUT])
            whole = array.attrs[_SEAL] == fingerprint(about) and array.shape == (about["size"],) * 2
        except Exception as error:  # damaged metadata fail in many ways
            raise DamagedRecordError(
                f"{path / 'zarr.json'} cannot be read ({type(error).__name__}).", remedy="Begin in a new folder."
            ) from error
        if not whole:
            raise DamagedRecordError(
                f"{path / 'zarr.json'} does not match its checksum.", remedy="Begin in a new folder."
            )
        if about.get("format", FORMAT) > FORMAT:
            raise StoreError(f"{path} was written by a later version.", remedy="Install a newer tangentlab.")
        return TileStore(path, about, array)

    def note(self, **more: Any) -> TileStore:
        """The same store with more said about it, durably."""
        about = {**self.about, **more}
        try:
            self.array.attrs.update(_sealed(about))
        except OSError as error:
            raise explain(error, self.path, doing="written") from error
        return TileStore(self.path, about, self.array)

    @property
    def step(self) -> int:
        """Rows of a tile in the kernel's matrix."""
        return self.about["tile"] * self.about["side"]

    def pairs(self) -> list[Pair]:
        """Every tile on and above the diagonal."""
        blocks = range(-(-self.about["size"] // self.step))
        return [(a, b) for a in blocks for b in blocks[a:]]

    def write(self, pair: Pair, values: Tensor) -> None:
        """Put a tile under its name, whole or not at all; writing it again is harmless."""
        try:
            write_tile_file(self.file(pair), values, step=self.step)
        except OSError as error:
            raise explain(error, self.path, doing="written") from error

    def read(self, pair: Pair, *, room: TileRoom | None = None) -> Tensor:
        """A tile, checked; refused with `DamagedRecordError` if damaged and `StoreError` if not there.

        In a `room` of this store it stands until the next one is read into it.
        """
        room = self.room() if room is None else room
        try:
            values = room.read(self.file(pair))
        except FileNotFoundError as error:
            raise self._unfinished(pair) from error
        except OSError as error:
            raise explain(error, self.path, doing="read") from error
        if values is None:
            raise DamagedRecordError(
                f"Tile {pair} of {self.path} does not match its checksum.",
                remedy="Run again what fills it: damaged tiles are computed again.",
            )
        values = values[: self._rows(pair[0]), : self._rows(pair[1])]
        if not bool(torch.isfinite(values.sum())) and bool(torch.isnan(values).any()):
            raise self._unfinished(pair)
        return values

    def room(self) -> TileRoom:
        """Memory for one tile, to `read` many into one after the other: fresh memory is slow."""
        return TileRoom.of(self.step, dtype=self.about["dtype"])

    def state(self, pair: Pair, *, room: TileRoom | None = None) -> str:
        """A tile is "whole", "missing" (unfinished ones too) or "damaged". Reads it."""
        try:
            self.read(pair, room=room)
        except DamagedRecordError:
            return "damaged"
        except StoreError:
            return "missing"
        return "whole"

    def missing(self, progress: Progress | None = None) -> list[Pair]:
        """Tiles to compute: not there, unfinished or damaged. Reads every tile that is there."""
        found, pairs, room = [], self.pairs(), self.room()
        for done, pair in enumerate(pairs, start=1):
            if self.state(pair, room=room) != "whole":
                found.append(pair)
            if progress is not None:
                progress(done, len(pairs))
        return found

    def remove(self, pair: Pair) -> None:
        """Take a tile away, to be computed again."""
        self.file(pair).unlink(missing_ok=True)

    def left_over(self) -> list[Path]:
        """Files that a kill left half-written; harmless."""
        return sorted((self.path / "c").glob(f"*/*{PARTIAL}")) + sorted(self.path.glob(f"*{PARTIAL}"))

    def file(self, pair: Pair) -> Path:
        """Where a tile lies."""
        return self.path / "c" / str(pair[0]) / str(pair[1])

    def tiles(self) -> SymmetricTiles:
        """The kernel as tiles read from disk and checked at every pass: memory for one tile, whatever n is."""

        def read() -> Iterator[tuple[int, int, Tensor]]:
            room = self.room()
            for a, b in self.pairs():
                yield a * self.step, b * self.step, self.read((a, b), room=room)

        return SymmetricTiles(self.about["size"], getattr(torch, self.about["dtype"]), torch.device("cpu"), read)

    def trace(self) -> float:
        """Sum of the diagonal, from the tiles on it alone."""
        return sum(float(self.read((a, b)).diagonal().double().sum()) for a, b in self.pairs() if a == b)

    def _rows(self, block: int) -> int:
        return min(self.step, self.about["size"] - block * self.step)

    def _unfinished(self, pair: Pair) -> StoreError:
        return StoreError(
            f"Tile {pair} of {self.path} is not finished.", remedy="Run again what fills it: it resumes."
        )


def refuse_full_disk(path: Path, *, need: int) -> None:
    """Refuse tiles of so many bytes, less those that the folder has, where its disk has no room for them.

    >>> refuse_full_disk(Path("."), need=2**70)
    Traceback (most recent call last):
    tangentlab._errors.StoreError: The tiles take 1099511627776.0 GiB more in . and ...
    """
    disk = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())
    there = sum(file.stat().st_size for file in (path / "c").glob("*/*"))
    free = shutil.disk_usage(disk).free
    if need - there > free:
        raise StoreError(
            f"The tiles take {bytes_in_words(need - there)} more in {path} and {bytes_in_words(free)} are free there.",
            remedy="Use fewer rows or outputs, dtype=torch.float32, a folder on another disk, or kernel.operator(x), "
            "which needs no tiles.",
        )


def _put_first(source: Path, target: Path) -> None:
    """Give a file its name unless another process has given that name before: of those who begin at once, one does."""
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not target.exists():
            os.replace(source, target)


def _sealed(about: Mapping[str, Any]) -> dict[str, Any]:
    return {_ABOUT: dict(about), _SEAL: fingerprint(about)}


def _zarr() -> ModuleType:
    try:
        import google_crc32c  # noqa: F401  # checksums without it are a thousand times slower
        import zarr
        import zarr.codecs
    except ImportError as error:
        raise MissingExtraError("zarr and google-crc32c", extra="store") from error
    return zarr
