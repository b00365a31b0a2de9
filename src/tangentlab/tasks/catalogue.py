"""Tasks by name: `group:0-4`, `classes`, `random:2`, `parity:3,30`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.data import Data
from tangentlab.tasks.group import group
from tangentlab.tasks.multiclass import multiclass
from tangentlab.tasks.network_anisotropy import network_anisotropy
from tangentlab.tasks.network_eigenfunction import network_eigenfunction, network_eigenfunctions
from tangentlab.tasks.parity import parity
from tangentlab.tasks.random_labels import random_labels
from tangentlab.tasks.task import Task

Builder = Callable[..., Task]

DEFAULT_INDEX = "10"
"""Of an eigenfunction that is asked for without one."""


def make_task(
    spec: str,
    data: Data | None = None,
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    normalize: bool = True,
) -> Task:
    """A task from its name in `TASKS` and, after a colon, what it is made with.

    `samples` and `test_samples` None take all rows (see `split`). The same spec, data, sizes and seed give
    the same task; a smaller `samples` gives the first train rows of a larger one, and the same test rows.

    >>> make_task("parity:3", samples=64, test_samples=32).shape
    (30,)
    >>> make_task("groups:0-4")
    Traceback (most recent call last):
    tangentlab._errors.UnknownNameError: `task` must be one of anisotropy, classes, eigenfunction, group, parity, \
random, got 'groups'. Did you mean 'group'?
    """
    name, argument = _parts(spec)
    sizes = {"samples": samples, "test_samples": test_samples, "seed": seed}
    return TASKS[name](data, argument, normalize=normalize, **sizes)


def make_tasks(
    specs: Sequence[str],
    data: Data | None = None,
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    normalize: bool = True,
) -> list[Task]:
    """Each of some tasks, as `make_task` has it; eigenfunctions of one network are made from one decomposition.

    >>> from tangentlab.data import load
    >>> [task.name for task in make_tasks(["group:0", "random:2"], load("digits"), samples=60, test_samples=40)]
    ['group:0', 'random:2']
    """
    sizes = {"samples": samples, "test_samples": test_samples, "seed": seed, "normalize": normalize}
    read = [_parts(spec) for spec in specs]
    shared = [argument or DEFAULT_INDEX for name, argument in read if name == "eigenfunction"]
    made = iter(network_eigenfunctions(_needed("eigenfunction", data), shared, **sizes)) if shared else iter(())
    return [
        next(made) if name == "eigenfunction" else TASKS[name](data, argument, **sizes) for name, argument in read
    ]


def _parts(spec: str) -> tuple[str, str]:
    """The name of a task and what it is made with."""
    name, colon, argument = str(spec).partition(":")
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    if colon and not argument.strip():
        raise ArgumentError(
            "task", expected=f"{name}, or {name}: and what it is made with", got=repr(spec), remedy=USAGE[name]
        )
    return name, argument.strip()


def _group(data: Data | None, argument: str, **options: Any) -> Task:
    """Groups of classes against each other, or one against the rest."""
    if not argument:
        raise ArgumentError("task", expected="group: and classes", got="'group'", remedy=USAGE["group"])
    return group(_needed("group", data), argument, **options)


def _multiclass(data: Data | None, argument: str, **options: Any) -> Task:
    """All the classes of the data."""
    if argument:
        raise ArgumentError(
            "task",
            expected="classes, with nothing after it",
            got=repr(f"classes:{argument}"),
            remedy=USAGE["classes"],
        )
    return multiclass(_needed("classes", data), **options)


def _random_labels(data: Data | None, argument: str, **options: Any) -> Task:
    """Balanced random labels."""
    (classes,) = _integers("random", argument, (2,))
    return random_labels(_needed("random", data), classes=classes, **options)


def _parity(data: Data | None, argument: str, *, normalize: bool, **options: Any) -> Task:
    """Parity of some of many random signs; needs no data."""
    degree, dimension = _integers("parity", argument, (3, 30))
    given = {name: value for name, value in options.items() if value is not None}
    return parity(degree, dimension=dimension, **given)


def _eigenfunction(data: Data | None, argument: str, **options: Any) -> Task:
    """The sign of an eigenfunction of a network's initial kernel."""
    return network_eigenfunction(_needed("eigenfunction", data), argument or DEFAULT_INDEX, **options)


def _anisotropy(data: Data | None, argument: str, *, normalize: bool, **options: Any) -> Task:
    """Sets that one of a network's anisotropy directions separates; the data lend their shape."""
    return network_anisotropy(_needed("anisotropy", data), argument or "0", **options)


TASKS: dict[str, Builder] = {
    "group": _group,
    "classes": _multiclass,
    "random": _random_labels,
    "parity": _parity,
    "eigenfunction": _eigenfunction,
    "anisotropy": _anisotropy,
}
USAGE: dict[str, str] = {
    "group": "Write group:0-4 for one group against the rest, group:0-1/2-3/4-9 for several.",
    "classes": "Write classes for all the classes of the data.",
    "random": "Write random for two random labels, random:10 for ten.",
    "parity": "Write parity:3 for three of 30 signs, parity:2,20 for two of 20.",
    "eigenfunction": "Write eigenfunction:30,network=mlp for index 30, counted from 0, of the kernel of an mlp.",
    "anisotropy": "Write anisotropy:5,network=lenet,activation=gelu for direction 5, counted from 0, of a lenet.",
}


def _needed(name: str, data: Data | None) -> Data:
    if data is None:
        raise DataError(f"The task {name} needs data.", remedy='Pass data, for example tl.load("digits").')
    return data


def _integers(name: str, argument: str, defaults: tuple[int, ...]) -> tuple[int, ...]:
    """Integers separated by commas, the later ones left to their defaults."""
    parts = [part.strip() for part in argument.split(",")] if argument else []
    if len(parts) > len(defaults) or not all(part.isdecimal() for part in parts):
        raise ArgumentError(
            "task",
            expected=f"{name} with at most {len(defaults)} positive integers",
            got=repr(f"{name}:{argument}"),
            remedy=USAGE[name],
        )
    return (*map(int, parts), *defaults[len(parts) :])
