"""What is wrong with a store, unit by unit, and how it is put right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tangentlab._atomic import PARTIAL, explain, read_bytes, write_atomically
from tangentlab._errors import StoreError
from tangentlab.records.layout import (
    FOLDERS,
    SPECS,
    arrays_path,
    list_folder,
    read_arrays,
    read_record,
    read_spec,
)
from tangentlab.records.names import is_name

_ARRAYS = re.compile(r"(?P<name>.+)\.[0-9a-f]{16}\.npz")


@dataclass(frozen=True)
class Damage:
    """One file of a store that cannot be trusted, or that a kill left behind.

    `kind` is `"spec"`, `"record"` or `"arrays"` for what must be repaired before it is used, and `"leftover"` for
    what nothing refers to: a partial file, or arrays whose record was never written. Leftovers are harmless.

    >>> damage = Damage(Path("run/records/3f9a.json"), kind="record", message="it is not whole JSON")
    >>> print(damage, damage.harmless)
    run/records/3f9a.json: it is not whole JSON False
    """

    path: Path
    kind: str
    message: str

    @property
    def harmless(self) -> bool:
        """Whether nothing that was found is lost or doubtful: only a leftover to sweep."""
        return self.kind == "leftover"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def find_damages(path: Path) -> tuple[Damage, ...]:
    """Read every file of the store at `path` and list what cannot be trusted, in the order of the paths.

    Cost: one read and one SHA-256 of every byte in the store.

    >>> find_damages(Path("no-such-store"))[0].message
    'it is missing'
    """
    arrays = list_folder(path, "arrays")  # before the records: what a running writer adds is then no orphan
    found = [*_spec_damages(path), *_record_damages(path), *_leftovers(path, arrays)]
    return tuple(sorted(found, key=lambda damage: (str(damage.path), damage.kind)))


def remove_damages(path: Path) -> tuple[Damage, ...]:
    """Remove what `find_damages` lists and return it; a damaged spec is restored from its copy if that is whole.

    Everything else stays as it is. What was removed is missing from the store, and so is computed again on resume.
    """
    removed: list[Damage] = []
    while found := [damage for damage in find_damages(path) if damage not in removed]:
        for damage in found:
            _remove(path, damage)
        removed += found
    return tuple(removed)


def _spec_damages(path: Path) -> list[Damage]:
    found = []
    for name in SPECS:
        try:
            read_spec(path, name)
        except StoreError as error:
            found.append(Damage(path / name, "spec", _why(error, path / name)))
    return found


def _record_damages(path: Path) -> list[Damage]:
    found = []
    for entry in list_folder(path, "records"):
        if entry.suffix != ".json" or entry.name.startswith("."):
            continue
        if not is_name(entry.stem):
            found.append(Damage(entry, "record", "its name is not a fingerprint"))
            continue
        try:
            read_record(path, entry.stem)
        except StoreError as error:
            found.append(Damage(entry, "record", _why(error, entry)))
            continue
        try:
            read_arrays(path, entry.stem)
        except StoreError as error:
            digest = read_record(path, entry.stem)[1] or ""
            beside = path / "arrays" / f"{entry.stem}.{digest[:16]}.npz"
            found.append(Damage(beside, "arrays", _why(error, beside)))
    return found


def _leftovers(path: Path, arrays: list[Path]) -> list[Damage]:
    found = []
    for folder in (path, *(path / name for name in FOLDERS)):
        entries = list_folder(folder.parent, folder.name) if folder != path else sorted(path.glob(f".*{PARTIAL}"))
        found += [
            Damage(entry, "leftover", "a partial file of a writer that was stopped")
            for entry in entries
            if entry.name.startswith(".") and entry.name.endswith(PARTIAL)
        ]
    for entry in arrays:
        match = _ARRAYS.fullmatch(entry.name)
        if match and not _wanted(path, entry, match["name"]):
            found.append(Damage(entry, "leftover", "arrays that no record refers to"))
    return found


def _wanted(path: Path, entry: Path, fingerprint: str) -> bool:
    """Whether the record of this name refers to these arrays, or cannot say because it is itself damaged."""
    if not is_name(fingerprint) or not (path / "records" / f"{fingerprint}.json").exists():
        return False
    try:
        _, digest = read_record(path, fingerprint)
        return digest is not None and arrays_path(path, fingerprint, digest) == entry
    except StoreError:
        return True


def _why(error: StoreError, file: Path) -> str:
    for start in (f"{file} is damaged: ", f"{file} could not be read: ", f"{file} is "):
        if error.message.startswith(start):
            return error.message.removeprefix(start).removesuffix(".")
    return error.message.removesuffix(".")


def _remove(path: Path, damage: Damage) -> None:
    try:
        if damage.kind == "spec":
            for name in SPECS:
                try:
                    read_spec(path, name)
                except StoreError:
                    continue
                write_atomically(damage.path, read_bytes(path / name))
                return
        if damage.kind == "arrays":  # the record first: a record never refers to arrays that are gone
            stem = damage.path.name.split(".", maxsplit=1)[0]
            match = _ARRAYS.fullmatch(damage.path.name)
            (path / "records" / f"{match['name'] if match else stem}.json").unlink(missing_ok=True)
        if damage.path.is_dir() and not damage.path.is_symlink():
            raise StoreError(
                f"{damage.path} is a folder where a file should be.", remedy="Move it away and try again."
            )
        damage.path.unlink(missing_ok=True)
    except OSError as error:
        raise explain(error, damage.path, doing="written") from error
