"""Rows of a Gram that lies in a file: read as they are needed, the next ones while these are multiplied.

Rows are read, not mapped: what a process has mapped and touched counts as its memory, and a descent touches all of K
every epoch. A few buffers of one strip of rows are all that is held, whatever n is.
"""

from __future__ import annotations

import mmap
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import DataError
from tangentlab._shapes import expect_shape
from tangentlab.linalg import LinearMap, product
from tangentlab.training.gram_rows import GramRows

STRIP = 2**24
"""Bytes of K read at a time: two such buffers, and one in the dtype of the products, are all that is held."""

FORMS = {2: "shared", 3: "diagonal", 4: "full"}


@dataclass(frozen=True, eq=False)
class MappedRows(GramRows):
    """A Gram (n, n), (n, n, c) or (n, n, c, c) in a file, `start` bytes from its beginning, row after row.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     K = np.memmap(f"{folder}/K", np.float32, "w+", shape=(2, 2))
    ...     K[:] = [[2, 1], [1, 2]]
    ...     MappedRows.of(K, outputs=1).whole(torch.ones(2, 1, 1)).flatten().tolist()
    [3.0, 3.0]
    """

    path: Path
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype
    outputs: int  # pyright: ignore[reportIncompatibleVariableOverride]
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))  # pyright: ignore[reportIncompatibleVariableOverride]
    ahead: dict[bytes, Future[Tensor]] = field(default_factory=dict)
    """The strip that is being read, by its index."""
    spare: list[Tensor] = field(default_factory=list)
    """Buffers that nothing stands in."""
    wide: dict[torch.dtype, Tensor] = field(default_factory=dict)
    """A buffer for a strip in another dtype: fresh memory is slow."""
    reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "rows of a Gram"))

    @staticmethod
    def of(K: np.memmap, *, outputs: int, name: str = "K") -> MappedRows:
        """The file behind an array that `reads_its_file`; what was written to the array is in it."""
        expect_shape(name, K, "m n c c"[: 2 * K.ndim - 1], c=outputs)
        path = Path(K.filename)  # pyright: ignore[reportArgumentType]
        size = path.stat().st_size
        start = _place(K)
        if size < start + K.nbytes:
            raise DataError(
                f"The file {path} of `{name}` has {size} bytes, and {start + K.nbytes} are read.",
                remedy="It was cut short since it was opened; write it again.",
            )
        return MappedRows(path, start, K.shape, K.dtype, outputs)

    @property
    def rows(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """n."""
        return self.shape[0]

    @property
    def columns(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """n."""
        return self.shape[1]

    @property
    def form(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """By the number of axes."""
        return FORMS[len(self.shape)]

    def product(self, index: Tensor, a: Tensor, *, dtype: torch.dtype = torch.float64) -> Tensor:
        """K[index] a, strip by strip, each read while the one before it is multiplied."""
        result = a.new_empty(*index.shape, *a.shape[2:])
        strips = [
            (order, start) for order in range(len(index)) for start in range(0, index.shape[1], self._at_once)
        ]
        for i, (order, start) in enumerate(strips):
            part = index[order, start : start + self._at_once]
            self._begin(part)
            if i + 1 < len(strips):
                following, first = strips[i + 1]
                self._begin(index[following, first : first + self._at_once])
            rows = self.ahead.pop(_key(part)).result()
            result[order, start : start + len(part)] = self._apply(rows, a[order].to(dtype))
            self.spare.append(rows)
        return result

    def expect(self, index: Tensor) -> None:
        """Begin to read the first strip."""
        self._begin(index[0, : self._at_once])

    @property
    def _at_once(self) -> int:
        return max(1, STRIP // (int(np.prod(self.shape[1:])) * self.dtype.itemsize))

    def _begin(self, index: Tensor) -> None:
        if _key(index) not in self.ahead:
            self.ahead[_key(index)] = self.reader.submit(self._read, index.clone())

    def _read(self, index: Tensor) -> Tensor:
        """The rows (b, n, ...), in the order of the file from one to the next."""
        held = self.spare.pop() if self.spare else None
        if held is None or len(held) < len(index):
            held = torch.from_numpy(np.empty((len(index), *self.shape[1:]), self.dtype))
        rows = held[: len(index)]
        size = rows[0].numel() * self.dtype.itemsize
        bytes_of: Any = rows.numpy()
        whole = memoryview(bytes_of).cast("B")
        places = index.tolist()
        with self.path.open("rb", buffering=0) as file:
            for at in sorted(range(len(places)), key=places.__getitem__):
                file.seek(self.start + places[at] * size)
                wanted = whole[at * size : (at + 1) * size]
                while wanted:
                    got = file.readinto(wanted)
                    if not got:
                        raise DataError(
                            f"The file {self.path} of `K` ends before its row {places[at]}.",
                            remedy="It was cut short since it was opened; write it again.",
                        )
                    wanted = wanted[got:]
        return rows

    def _apply(self, rows: Tensor, a: Tensor) -> Tensor:
        """Rows (b, n), (b, n, c) or (b, n, c, c) times a (n, c, r), as (b, c, r)."""
        if rows.dtype != a.dtype:
            if a.dtype not in self.wide or len(self.wide[a.dtype]) < len(rows):
                self.wide[a.dtype] = torch.empty(rows.shape, dtype=a.dtype)
            rows = self.wide[a.dtype][: len(rows)].copy_(rows)
        if self.form == "shared":
            return product(rows, a.flatten(1)).view(len(rows), *a.shape[1:])
        return torch.einsum({3: "bnk,nkr->bkr", 4: "bnkl,nlr->bkr"}[len(self.shape)], rows, a)

    def refuse_asymmetry(self) -> None:
        """By the products with two random vectors, for all of K would be read twice, once in columns."""
        LinearMap.of(_Products(self))


@dataclass(frozen=True, eq=False)
class _Products:
    """A mapped Gram as a map of vectors (n·c, r)."""

    gram: MappedRows

    @property
    def shape(self) -> tuple[int, int]:
        size = self.gram.rows * self.gram.outputs
        return size, size

    @property
    def dtype(self) -> np.dtype:
        return self.gram.dtype

    def matmat(self, vectors: Tensor) -> Tensor:
        a = vectors.double().view(self.gram.rows, self.gram.outputs, -1)
        return self.gram.whole(a).reshape(vectors.shape)


def _key(index: Tensor) -> bytes:
    return index.numpy().tobytes()


def reads_its_file(K: Any) -> bool:
    """Whether K is a memory-mapped array whose numbers are those of its file, row after row.

    Not so for one opened copy-on-write, which may hold what its file does not, or for a transposed view.

    >>> reads_its_file(np.eye(2))
    False
    """
    return (
        isinstance(K, np.memmap)
        and isinstance(K.filename, (str, Path))
        and K.mode in ("r", "r+", "w+")
        and K.flags.c_contiguous
        and K.dtype in (np.float32, np.float64)
        and np.dtype(K.dtype).isnative
    )


def _place(K: np.memmap) -> int:
    """Where in its file the first number of an array stands, which may be a view of a larger one."""
    mapped = np.frombuffer(K._mmap, np.uint8)  # pyright: ignore[reportAttributeAccessIssue]
    into = K.__array_interface__["data"][0] - mapped.__array_interface__["data"][0]
    return K.offset - K.offset % mmap.ALLOCATIONGRANULARITY + into
