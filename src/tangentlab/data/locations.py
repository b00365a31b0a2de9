"""Where data sets lie on a machine, and the order in which those places are searched."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tangentlab._errors import DataError

SYSTEM_FOLDERS = ("/usr/share/datasets", "/usr/local/share/datasets")


def cache_folder() -> Path:
    """The user's cache: `$TANGENTLAB_CACHE`, or tangentlab under `$XDG_CACHE_HOME`, or under ~/.cache.

    >>> cache_folder().is_absolute()
    True
    """
    own = os.environ.get("TANGENTLAB_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path("~/.cache").expanduser()).absolute() / "tangentlab"


def search_order(folders: Sequence[str], *, path: str | os.PathLike[str] | None = None) -> tuple[Path, ...]:
    """Every place a data set may lie in, first come first served.

    `folders` are the names its folder goes by. An explicit `path` is the only place searched, as the
    folder itself or the one that holds it: data from elsewhere would not be what was asked for. Without
    it: `$TANGENTLAB_DATA` (the folder itself only if it goes by one of the names, as MNIST and
    Fashion-MNIST have files of the same names), the system's folders, ~/data (torchvision's layouts), the
    user's cache.

    >>> [str(place) for place in search_order(["mnist"], path="/data")]
    ['/data', '/data/mnist']
    """
    if path is not None:
        given = Path(path).expanduser()
        return (given, *(given / folder for folder in folders))
    own = os.environ.get("TANGENTLAB_DATA")
    roots = [Path(own).expanduser()] if own else []
    itself = [root for root in roots if any(root.match(folder) for folder in folders)]
    roots += [*map(Path, SYSTEM_FOLDERS), Path("~/data").expanduser(), cache_folder()]
    return (*itself, *(root / folder for root in roots for folder in folders))


def find(
    name: str,
    *,
    folders: Sequence[str],
    missing: Callable[[Path], Sequence[str]],
    mend: str,
    path: str | os.PathLike[str] | None = None,
) -> Path:
    """The first place where no file is `missing`.

    Errors: one `DataError` listing every place with what it lacks, and the command that mends it.

    >>> find("mnist", folders=["mnist"], missing=lambda place: [], mend="Fetch it.", path="/nowhere")
    Traceback (most recent call last):
    tangentlab._errors.DataError: mnist was not found; searched /nowhere (not there), \
/nowhere/mnist (not there). Fetch it.
    """
    searched = []
    for place in search_order(folders, path=path):
        if not os.path.isdir(place):
            searched.append(f"{place} (not there)")
        elif lacking := missing(place):
            searched.append(f"{place} (lacks {', '.join(lacking)})")
        else:
            return place
    own = "" if path is not None or os.environ.get("TANGENTLAB_DATA") else "; $TANGENTLAB_DATA is not set"
    raise DataError(f"{name} was not found; searched {', '.join(searched)}{own}.", remedy=mend)
