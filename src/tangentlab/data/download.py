"""Fetching a data set's files from their home, each checked against a pinned hash before anything reads it."""

from __future__ import annotations

import hashlib
import os
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tangentlab._atomic import whole_file
from tangentlab._errors import DataError

CHUNK = 1 << 20
TIMEOUT = 30.0


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file: its name, where it is to be had, and the SHA-256 of its bytes as they are served.

    `members`, for a tar archive, are the files to take out of it, by their names without folders.

    >>> Download(file="a.gz", urls=("https://example.org/a.gz",), sha256="0" * 64).members
    ()
    """

    file: str
    urls: tuple[str, ...]
    sha256: str
    members: tuple[str, ...] = ()


def fetch(
    download: Download,
    folder: str | os.PathLike[str],
    *,
    progress: Callable[[int, int], object] | None = None,
) -> Path:
    """Put a file (and what is to be taken out of it) in a folder; a file already there and right is kept.

    The bytes go to a temporary file in the same folder, their hash is compared, and only then do they get
    their name. Addresses are tried in order. `progress(done, total)` counts bytes; total 0 is unknown.

    Errors: `DataError` when no address answers, when the bytes are not the pinned ones, or when the
    folder cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     source = Path(home, "served"); _ = source.write_bytes(b"abc")
    ...     pinned = hashlib.sha256(b"abc").hexdigest()
    ...     fetch(Download(file="copy", urls=(source.as_uri(),), sha256=pinned), home).read_bytes()
    b'abc'
    """
    folder = Path(folder)
    path = folder / download.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (path.is_file() and _sha256(path) == download.sha256):
            _fetch(download, path, progress)
        for member in download.members:
            _take_out(path, member)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written: {error}.",
            remedy="Choose another folder with path= or $TANGENTLAB_CACHE.",
        ) from error
    return path


def _fetch(download: Download, path: Path, progress: Callable[[int, int], object] | None) -> None:
    failures = []
    for url in download.urls:
        digest = hashlib.sha256()

        try:
            with whole_file(path) as file, urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                total, done = int(answer.headers.get("Content-Length") or 0), 0
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress(done, total)
                if digest.hexdigest() != download.sha256:
                    raise _WrongBytes(f"its SHA-256 is {digest.hexdigest()}, not {download.sha256}")
        except (urllib.error.URLError, TimeoutError, ConnectionError, _WrongBytes) as error:
            failures.append(f"{url} ({getattr(error, 'reason', error)})")
        else:
            return
    raise DataError(
        f"{download.file} could not be fetched from {'; '.join(failures)}.",
        remedy="Check the network, or put the file in a folder yourself and pass path=.",
    )


class _WrongBytes(Exception):
    """What was served is not what was pinned."""


def _take_out(archive: Path, member: str) -> None:
    """Copy one file's bytes out of an archive whose hash is known to be right."""
    path = archive.parent / member
    if path.is_file():
        return
    with tarfile.open(archive) as tar:
        found = next((entry for entry in tar if Path(entry.name).name == member and entry.isfile()), None)
        content = None if found is None else tar.extractfile(found)
        if content is None:
            raise DataError(f"{archive} has no {member}.", remedy="Delete it and fetch it again.")
        with whole_file(path) as file:
            file.write(content.read())


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
