"""Where each part of a store lies and how it is read: `path` is the store's folder throughout.

::

    STORE/spec.json                        the resolved spec, sealed        STORE/spec.copy.json   the same again
    STORE/records/<fingerprint>.json       one sealed record each; "done" means it exists under this name
    STORE/arrays/<fingerprint>.<hash>.npz  its arrays, named by their own SHA-256, written before the record
    STORE/logs/<fingerprint>.log           what its worker said
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tangentlab._atomic import explain, read_bytes
from tangentlab._errors import ArgumentError, StoreError, TangentlabError
from tangentlab._fingerprint import array_digest
from tangentlab.records.names import is_name
from tangentlab.records.record import Record
from tangentlab.records.sealed import damaged, unseal

FORMAT = 1
FOLDERS = ("records", "arrays", "logs")
SPECS = ("spec.json", "spec.copy.json")


def file_path(path: Path, folder: str, name: str) -> Path:
    """`path/folder/name`, refused if the folder or the file is a symbolic link.

    >>> file_path(Path("run"), "logs", "3f9a.log").as_posix()
    'run/logs/3f9a.log'
    """
    refuse_link(path / folder)
    refuse_link(path / folder / name)
    return path / folder / name


def refuse_link(path: Path) -> None:
    """A `StoreError` if `path` is a symbolic link: a store never reads or writes outside its own folder.

    >>> refuse_link(Path("no-such-file"))
    """
    if path.is_symlink():
        raise StoreError(
            f"{path} is a symbolic link, and a store keeps to its own folder.",
            remedy="Give the path that the link points to, or put the real file there.",
        )


def list_folder(path: Path, folder: str) -> list[Path]:
    """The entries of `path/folder` in order; none if the folder is missing.

    >>> list_folder(Path("no-such-store"), "records")
    []
    """
    refuse_link(path / folder)
    try:
        return sorted((path / folder).iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise explain(error, path / folder, doing="read") from error


def record_names(path: Path) -> tuple[str, ...]:
    """The fingerprints under which a record file exists, sorted.

    >>> record_names(Path("no-such-store"))
    ()
    """
    names = (entry.stem for entry in list_folder(path, "records") if entry.suffix == ".json")
    return tuple(sorted(name for name in names if is_name(name)))


def arrays_path(path: Path, fingerprint: str, digest: str) -> Path:
    """Where the arrays of `fingerprint` lie whose file has this SHA-256.

    >>> arrays_path(Path("run"), "3f9a", "0123456789abcdef0123").name
    '3f9a.0123456789abcdef.npz'
    """
    return file_path(path, "arrays", f"{fingerprint}.{digest[:16]}.npz")


def read_spec(path: Path, name: str = SPECS[0]) -> dict[str, Any]:
    """The sealed document of the spec, `{"format": ..., "spec": ...}`."""
    file = path / name
    if not file.is_symlink() and not file.exists():
        raise damaged(file, "it is missing", store=path)
    return unseal("spec", read_bytes(file), path=file, store=path)


def read_record(path: Path, fingerprint: str) -> tuple[Record, str | None]:
    """The record under `fingerprint` and the SHA-256 of its file of arrays, both checked."""
    file = file_path(path, "records", f"{fingerprint}.json")
    document = unseal("record", read_bytes(file), path=file, store=path)
    digest = document.get("arrays_sha256")
    try:
        record = Record.from_json(document["record"])
    except (TangentlabError, AttributeError, TypeError) as error:
        raise damaged(file, "it does not hold a record", store=path) from error
    if record.fingerprint != fingerprint or (digest is None) == bool(record.arrays):
        raise damaged(file, "it does not belong under this name", store=path)
    return record, digest


def read_arrays(path: Path, fingerprint: str) -> dict[str, np.ndarray]:
    """The arrays of `fingerprint`, the file and each array checked against its SHA-256."""
    record, digest = read_record(path, fingerprint)
    if digest is None:
        return {}
    file = arrays_path(path, fingerprint, digest)
    if not file.exists():
        raise damaged(file, "it is missing", store=path)
    data = read_bytes(file)
    if hashlib.sha256(data).hexdigest() != digest:
        raise damaged(file, "its content does not match its checksum", store=path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise damaged(file, "it is not an archive of arrays", store=path) from error
    if {name: array_digest(array) for name, array in found.items()} != record.arrays:
        raise damaged(file, "its arrays are not those of the record", store=path)
    return found


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The `.npz` bytes of some arrays; only numbers, truth values and text, never pickled objects.

    >>> np.load(io.BytesIO(pack_arrays({"kernel": np.eye(2)})))["kernel"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufcU":
            kind = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
            raise ArgumentError(
                f"arrays[{name!r}]",
                expected="a NumPy array of numbers, truth values or text",
                got=kind,
                remedy="Convert it first, a tensor with .detach().cpu().numpy().",
            )
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.ascontiguousarray(a) for name, a in arrays.items()})
    return buffer.getvalue()
