"""A folder of records: atomic, resumable, checked on every read.

Nothing is ever changed in place, so a kill, a full disk or a second writer leaves every record whole or absent.
`records/layout.py` draws the folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tangentlab._atomic import explain, write_atomically
from tangentlab._errors import DamagedRecordError, StoreError
from tangentlab._fingerprint import array_digest
from tangentlab.records.integrity import Damage, find_damages, remove_damages
from tangentlab.records.layout import (
    FOLDERS,
    FORMAT,
    SPECS,
    arrays_path,
    file_path,
    pack_arrays,
    read_arrays,
    read_record,
    read_spec,
    record_names,
    refuse_link,
)
from tangentlab.records.names import expect_name
from tangentlab.records.record import Record
from tangentlab.records.sealed import seal

_ATTEMPTS = 5


@dataclass(frozen=True)
class Store:
    """A folder of records. Make one with `Store.create` or `Store.open`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store.create(folder + "/run", {"seeds": 1})
    ...     _ = store.put(Record(fingerprint="3f9a", spec={"seed": 0}), arrays={"kernel": np.eye(2)})
    ...     again = Store.open(folder + "/run")
    ...     again.fingerprints(), again.arrays(again.get("3f9a"))["kernel"].tolist(), again.check()
    (('3f9a',), [[1.0, 0.0], [0.0, 1.0]], ())
    """

    path: Path

    @classmethod
    def create(cls, path: str | Path, spec: Mapping[str, Any]) -> Store:
        """Start a store for `spec`, or open the one that is there if it was started for an equal spec.

        `spec["command"]`, the words that started it, may differ; anything else may not (`StoreError`).
        """
        path = Path(path)
        refuse_link(path)
        content = _as_json(spec)
        if not any((path / name).exists() for name in SPECS):
            _start(path)
            for name in reversed(SPECS):
                write_atomically(path / name, seal("spec", content, format=FORMAT))
        store = cls.open(path)
        theirs = _as_json(store.spec)
        differing = sorted(key for key in theirs.keys() | content if theirs.get(key) != content.get(key))
        if differing and differing != ["command"]:
            raise StoreError(
                f"{path} already holds another run (different {', '.join(differing)}).",
                remedy=f"Choose another folder, or finish that one with `tangentlab resume {path}`.",
            )
        return store

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """The store at `path`; `StoreError` if there is none or a newer tangentlab wrote it.

        A damaged spec does not keep a store from being opened, so that it can be checked; reading `.spec` tells.
        """
        path = Path(path)
        refuse_link(path)
        try:
            is_folder, exists = path.is_dir(), path.exists()
            has_spec = any((path / name).exists() for name in SPECS)
        except OSError as error:
            raise explain(error, path, doing="read") from error
        if not is_folder:
            raise StoreError(
                f"{path} {'is a file, not a store' if exists else 'does not exist'}.",
                remedy="Give the folder that `tangentlab compare --out` or `tangentlab run --out` made.",
            )
        if not has_spec:
            raise StoreError(
                f"{path} is not a store: it has no spec.json.",
                remedy="Give the folder that `tangentlab compare --out` or `tangentlab run --out` made, or run that "
                "command again.",
            )
        try:
            version = read_spec(path).get("format")
        except DamagedRecordError:
            version = FORMAT
        if not isinstance(version, int) or version > FORMAT:
            raise StoreError(
                f"{path} has store format {version}, and this tangentlab reads formats up to {FORMAT}.",
                remedy="Upgrade tangentlab to the version that wrote it.",
            )
        for name in FOLDERS:
            refuse_link(path / name)
        return cls(path)

    @property
    def spec(self) -> dict[str, Any]:
        """The resolved spec that the store was started for."""
        content = read_spec(self.path)["spec"]
        return Record.from_json(Record(fingerprint="spec", spec={}).to_json() | {"spec": content}).spec

    def put(self, record: Record, arrays: Mapping[str, np.ndarray] | None = None) -> Record:
        """Write a record, and the arrays beside it, and return the record that now stands.

        A done record is never replaced: a second one for the same work changes nothing, and the first is returned.
        A failed record gives way to any later one. Arrays are written first, so the record appears last and whole.
        """
        name = record.fingerprint
        path = file_path(self.path, "records", f"{name}.json")
        arrays = {expect_name("arrays", key): array for key, array in (arrays or {}).items()}
        packed = pack_arrays(arrays) if arrays else None
        record = replace(record, arrays={key: array_digest(array) for key, array in arrays.items()})
        if self.has(name):
            standing = self.get(name)
            if _as_json(standing.spec) != _as_json(record.spec):
                raise StoreError(
                    f"{path} holds the record of another spec under the same fingerprint.",
                    remedy="Name each unit of work by the fingerprint of its whole spec.",
                )
            if standing.done:
                return standing
        digest = hashlib.sha256(packed).hexdigest() if packed else None
        beside = arrays_path(self.path, name, digest) if digest else None
        sealed = seal("record", record.to_json(), arrays_sha256=digest)
        for _ in range(_ATTEMPTS):
            if packed and beside:
                write_atomically(beside, packed)
            write_atomically(path, sealed)
            if path.exists() and (beside is None or beside.exists()):  # no repair ran between the two writes
                return record
        raise StoreError(
            f"{path} was removed as often as it was written.",
            remedy="Do not repair a store again and again while it runs.",
        )

    def get(self, fingerprint: str) -> Record:
        """The record under `fingerprint`; `StoreError` if there is none, `DamagedRecordError` if it is damaged."""
        if not self.has(fingerprint):
            raise StoreError(
                f"{self.path} has no record {fingerprint}.", remedy="Choose one of `store.fingerprints()`."
            )
        return read_record(self.path, fingerprint)[0]

    def has(self, fingerprint: str, *, status: str | None = None) -> bool:
        """Whether there is a record under `fingerprint` (with this status, if one is given)."""
        name = expect_name("fingerprint", fingerprint)
        if not file_path(self.path, "records", f"{name}.json").exists():
            return False
        return status is None or self.get(name).status == status

    def fingerprints(self) -> tuple[str, ...]:
        """All fingerprints that have a record, sorted."""
        return record_names(self.path)

    def records(self, *, strict: bool = True) -> tuple[Record, ...]:
        """All records in the order of their fingerprints; damaged ones raise, or are left out if not `strict`."""
        found = []
        for name in self.fingerprints():
            try:
                found.append(self.get(name))
            except StoreError:
                if strict:
                    raise
        return tuple(found)

    def arrays(self, record: Record) -> dict[str, np.ndarray]:
        """The arrays kept beside `record`, each checked against its SHA-256."""
        self.get(record.fingerprint)
        return read_arrays(self.path, record.fingerprint)

    def log_path(self, fingerprint: str) -> Path:
        """Where the worker of `fingerprint` writes its log."""
        return file_path(self.path, "logs", f"{expect_name('fingerprint', fingerprint)}.log")

    def check(self) -> tuple[Damage, ...]:
        """Everything in the store that cannot be trusted or was left behind by a kill; empty if all is well."""
        return find_damages(self.path)

    def repair(self) -> tuple[Damage, ...]:
        """Remove what `check` finds, and nothing else; what was removed is returned, and can be computed again."""
        return remove_damages(self.path)


def _as_json(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec as it will be read back, without the difference between 1 and 1.0 or list and tuple."""
    return Record(fingerprint="spec", spec=dict(spec)).to_json()["spec"]


def _start(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in FOLDERS)
        foreign = [name for name in foreign if not name.startswith(".spec.")]
        if foreign and not all((path / name).is_dir() for name in FOLDERS):
            raise StoreError(
                f"{path} is not empty and not a store (it holds {foreign[0]}).",
                remedy="Choose a new folder, or an empty one.",
            )
        for name in FOLDERS:
            refuse_link(path / name)
            (path / name).mkdir(exist_ok=True)
    except OSError as error:
        raise explain(error, path, doing="written") from error
