"""One call from a name, a path or a data set object to data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.data.adapters import from_dataset
from tangentlab.data.arrays import read_arrays
from tangentlab.data.catalogue import DATA, Bundled, Filed
from tangentlab.data.cifar import missing_cifar, read_cifar_folder
from tangentlab.data.data import Data
from tangentlab.data.download import fetch
from tangentlab.data.idx import missing_idx, read_idx_folder
from tangentlab.data.locations import cache_folder, find
from tangentlab.data.table import read_table

FILE_READERS: dict[str, Callable[..., Data]] = {
    ".npz": read_arrays,
    ".npy": read_arrays,
    ".csv": read_table,
    ".tsv": read_table,
}


def load(
    name_or_path: str | os.PathLike[str] | Data | Any,
    *,
    path: str | os.PathLike[str] | None = None,
    download: bool = False,
    label: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Data:
    """Data by name ("digits", "fashion-mnist", "mnist", "cifar10"), by path, or from a data set object.

    A name is searched for in `path` alone if that is given, else in `$TANGENTLAB_DATA`, the system's
    folders, ~/data and the user's cache; what is nowhere is fetched only with `download=True` (into
    `path`, or the cache) and checked against a pinned SHA-256 before it is read. A path is an `.npz`,
    `.npy`, `.csv` or `.tsv` file, or a folder of IDX or of CIFAR-10 files; `label` names the label column
    of a table. Data pass through; torch and Hugging Face data set objects are read whole.

    Errors: `DataError` for data that are missing (with every place searched and the remedy), damaged,
    empty or not finite; `UnknownNameError` for a name that is neither in the catalogue nor a path.

    >>> load("digits").shape
    (1, 8, 8)
    >>> load("digit")
    Traceback (most recent call last):
    tangentlab._errors.UnknownNameError: `data` must be one of cifar10, digits, fashion-mnist, mnist, \
got 'digit'. Did you mean 'digits'?
    """
    if isinstance(name_or_path, Data):
        return name_or_path
    if not isinstance(name_or_path, (str, os.PathLike)):
        return from_dataset(name_or_path)
    name = os.fspath(name_or_path)
    source = DATA.get(name)
    if source is not None and label is not None:
        raise _no_table(label)
    if isinstance(source, Bundled):
        if path is not None:
            raise ArgumentError(
                "path",
                expected=f"left out for {name}, which need no file",
                got=str(path),
                remedy="Give your own data another name.",
            )
        return source.read()
    if isinstance(source, Filed):
        return source.read(_place(name, source, path=path, download=download, progress=progress))
    place = Path(name if path is None else path).expanduser()
    if path is None and not place.exists() and place.suffix == "" and place.name == name:
        raise UnknownNameError("data", name, DATA)
    return _read_path(place, name=place.stem if path is None else name, label=label)


def _place(
    name: str,
    source: Filed,
    *,
    path: str | os.PathLike[str] | None,
    download: bool,
    progress: Callable[[int, int], object] | None,
) -> Path:
    """The folder a data set lies in, after fetching it there if it may be."""
    try:
        return find(name, folders=source.folders, missing=source.missing, mend=source.mend, path=path)
    except DataError:
        if not download:
            raise
    folder = cache_folder() / source.folders[0] if path is None else Path(path).expanduser()
    for file in source.downloads:
        fetch(file, folder, progress=progress)
    return folder


def _read_path(place: Path, *, name: str, label: str | None) -> Data:
    if os.path.isdir(place):
        if label is not None:
            raise _no_table(label)
        if not missing_idx(place):
            return read_idx_folder(place, name=name)
        if not missing_cifar(place):
            return read_cifar_folder(place, name=name)
        raise DataError(
            f"{place} is a folder that holds neither IDX nor CIFAR-10 files whole: as IDX it lacks "
            f"{', '.join(missing_idx(place))}; as CIFAR-10 {', '.join(missing_cifar(place))}.",
            remedy="Name a file in it, or complete it.",
        )
    if not os.path.exists(place):
        raise DataError(f"There is no file or folder {place}.", remedy="Check the path.")
    reader = FILE_READERS.get(place.suffix.lower())
    if reader is None:
        raise DataError(
            f"{place} is of a kind that is not read; known are {', '.join(FILE_READERS)} and folders.",
            remedy="Save it as np.savez(path, x=..., y=...).",
        )
    if reader is read_table:
        return read_table(place, name=name, label=label)
    if label is not None:
        raise _no_table(label)
    return reader(place, name=name)


def _no_table(label: str) -> ArgumentError:
    return ArgumentError(
        "label", expected="given for tables only", got=repr(label), remedy="Other files name their labels."
    )
