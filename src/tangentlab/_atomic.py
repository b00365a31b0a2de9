"""Files that are either whole under their final name or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tangentlab._errors import StoreError

PARTIAL = ".partial"
_ATTEMPTS = 5


@contextlib.contextmanager
def whole_file(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write into that gets the name `path` when the block ends well, and is not there when it does not.

    It lies beside `path` until then. `durable` flushes it and its name to the disk, so that it outlives a loss of
    power too; without, a kill of the process is all that it outlives. Errors: `OSError`, see `explain`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a") as file:
    ...         _ = file.write(b"whole")
    ...     [(p.name, p.read_bytes()) for p in Path(folder).iterdir()]
    [('a', b'whole')]
    """
    partial = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}"
    try:
        with open(partial, "xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    if durable:
        _sync_folder(path.parent)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` under `path` as a `whole_file`; an error of the disk is a `StoreError`.

    A kill at any moment leaves the old file or the new one, and at most a `.partial` beside it. If something
    sweeps the partial file away under the writer, it is written again.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "a.txt", b"whole")
    ...     [(p.name, p.read_bytes()) for p in Path(folder).iterdir()]
    [('a.txt', b'whole')]
    """
    for attempt in range(_ATTEMPTS):
        try:
            with whole_file(path) as file:
                file.write(data)
        except FileNotFoundError as error:
            if attempt + 1 == _ATTEMPTS or not path.parent.is_dir():
                raise explain(error, path, doing="written") from error
        except OSError as error:
            raise explain(error, path, doing="written") from error
        else:
            return


def make_folder(path: Path) -> Path:
    """The folder at `path`, made with those above it where they are missing; refused if it cannot be written into.

    Called before long work whose result goes there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     make_folder(Path(folder) / "a" / "b").is_dir()
    True
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise explain(error, path, doing="written") from error
    return path


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file; a link, a folder or an unreadable file is a `StoreError`.

    >>> read_bytes(Path("nowhere/at/all"))
    Traceback (most recent call last):
    tangentlab._errors.StoreError: nowhere/at/all does not exist. Check the path.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with open(descriptor, "rb") as file:
            return file.read()
    except OSError as error:
        raise explain(error, path, doing="read") from error


def explain(error: OSError, path: Path, *, doing: str) -> StoreError:
    """The `StoreError` that says in one sentence why `path` could not be `doing` ("read" or "written").

    >>> print(explain(OSError(errno.ENOSPC, "No space left on device"), Path("runs/a"), doing="written"))
    runs/a could not be written: the disk is full. Free some space and start again; what was finished is kept.
    """
    code = error.errno
    if code in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        why, remedy = "the disk is full", "Free some space and start again; what was finished is kept."
    elif code == errno.EROFS:
        why, remedy = "the disk is mounted read-only", "Choose a folder on a disk that can be written."
    elif code in (errno.EACCES, errno.EPERM):
        why, remedy = "permission denied", "Choose another folder, or give yourself the right to it."
    elif code in (errno.ENOTDIR, errno.EEXIST):
        why, remedy = "a file stands where a folder should be", "Choose another folder, or move that file away."
    elif code == errno.ELOOP:
        why, remedy = "it is a symbolic link", "Replace the link by the file or folder itself."
    elif code == errno.ENAMETOOLONG:
        why, remedy = "its name is too long", "Choose a shorter path."
    elif code == errno.ENOENT and doing == "read":
        return StoreError(f"{path} does not exist.", remedy="Check the path.")
    else:
        why = (error.strerror or str(error) or type(error).__name__).lower()
        remedy = "Check the folder and its disk, then start again; what was finished is kept."
    return StoreError(f"{path} could not be {doing}: {why}.", remedy=remedy)


def _sync_folder(folder: Path) -> None:
    """Flush the rename itself; some file systems cannot, and then the data is still whole."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
