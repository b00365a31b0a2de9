"""What a caller hands over by name or as it is: networks, tasks and data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from tangentlab._errors import ArgumentError
from tangentlab.data import Data, load
from tangentlab.networks import Network
from tangentlab.tasks import Task


def named(given: Any, argument: str, *, kinds: tuple[type, ...]) -> tuple[list[str] | None, dict[str, Any]]:
    """Names in the order given, and the objects among what was given under theirs.

    >>> named(["mlp", "lenet"], "networks", kinds=(nn.Module,))
    (['mlp', 'lenet'], {})
    """
    if given is None:
        return None, {}
    if isinstance(given, Mapping):
        pairs = [(str(name), value) for name, value in given.items()]
    else:
        single = isinstance(given, (str, *kinds)) or not isinstance(given, Iterable)
        pairs = [(_name_of(value), value) for value in ([given] if single else given)]
    own: dict[str, Any] = {}
    for name, value in pairs:
        if isinstance(value, str):
            if name != value:
                raise ArgumentError(
                    argument, expected="an object under each name", got=repr(value), remedy="Give names as a list."
                )
        elif isinstance(value, kinds) or (callable(value) and nn.Module in kinds):
            if name in own:
                raise ArgumentError(
                    argument, expected="named apart", got=f"two called {name!r}", remedy="Give a dictionary."
                )
            own[name] = value
        else:
            raise ArgumentError(
                argument,
                expected="made of names or of " + " or ".join(kind.__name__ for kind in kinds),
                got=type(value).__name__,
                remedy="Give a name such as " + ("'mlp'." if nn.Module in kinds else "'group:0-4'."),
            )
    return [name for name, _ in pairs], own


def _name_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Network):
        value = value.module
    if isinstance(value, Task):
        return value.name
    return getattr(value, "__name__", type(value).__name__)


def as_data(data: Any) -> Data:
    """`Data` from a pair of arrays (x, y), or from anything that `load` reads.

    >>> as_data(([[0.0], [1.0]], [0, 1])).n
    2
    """
    if isinstance(data, tuple) and len(data) == 2:
        return Data.from_arrays(*data, name="arrays")
    return load(data)


def expect_shared_folder(out: Any, *, scheduler: Any) -> None:
    """An `ArgumentError` where a cluster is to work and no folder is given that its workers could write to.

    >>> expect_shared_folder(None, scheduler=None)
    """
    if scheduler is not None and out is None:
        raise ArgumentError(
            "out",
            expected="a folder that all workers of the scheduler share",
            got="none",
            remedy="Give out='runs/name' on a shared file system.",
        )
