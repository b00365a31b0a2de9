"""Tasks that a study names for ten classes, and rows that it asks for, where data of the user's own have fewer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

from tangentlab._errors import ArgumentError, DataError, UnknownNameError
from tangentlab.data import Data
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.pool import half, only, rows_there
from tangentlab.tasks.grouping import read_groups, write_groups

_OWN_ROWS = ("parity", "anisotropy")


def tasks_there(names: Sequence[str], data: Data) -> list[str]:
    """Those of `names` whose classes the data have; where no grouping is left, the first half against the rest too.

    A warning says what was left out. Names of classes that there are not are refused as elsewhere, with the task.

    >>> import torch
    >>> few = Data.from_arrays(torch.eye(3), torch.arange(3), name="few")
    >>> with warnings.catch_warnings(action="ignore"):
    ...     tasks_there(["group:0-4", "random:2"], few), tasks_there(["group:8", "group:1,2"], few)
    (['group:0', 'random:2'], ['group:1,2'])
    """
    there = [name for name in names if _is_there(name, data.classes)]
    missing = [name for name in names if name not in there]
    if not missing:
        return there
    instead = ""
    if not any(name.startswith("group:") for name in there):
        first = f"group:{write_groups((tuple(range(half(data.classes))),), data.classes)}"
        there = [first, *there]
        instead = f"; {first} was taken instead"
    warnings.warn(
        f"{data.name} has {len(data.classes)} classes, too few for {', '.join(missing)}{instead}.", stacklevel=3
    )
    return there


def with_rows_there(unit: StudyUnit, data: Data, *, tasks: Sequence[str]) -> StudyUnit:
    """The unit with as many rows as the data have for each of its tasks, where it asks for more; a warning says so.

    Groups of classes against each other have the rows of these classes alone; a task that draws its own has any number.

    >>> few = Data.from_arrays([[0.0]] * 12, [0, 1, 2] * 4, name="few")
    >>> unit = StudyUnit("risk", {"samples": 1000, "test_samples": 2000})
    >>> with warnings.catch_warnings(action="ignore"):
    ...     [with_rows_there(unit, few, tasks=[name]).settings for name in ("group:0", "group:0/2")]
    [{'samples': 9, 'test_samples': 3}, {'samples': 6, 'test_samples': 2}]
    """
    for name in tasks:
        rows = _rows_of(name, data)
        if rows is not None:
            samples, held = rows_there(rows, samples=unit["samples"], test_samples=unit["test_samples"])
            unit = replace(unit, settings={**unit.settings, "samples": samples, "test_samples": held})
    return unit


def _rows_of(name: str, data: Data) -> Data | None:
    """The data that a task draws from; None where it makes its rows itself."""
    kind, _, groups = name.partition(":")
    if kind in _OWN_ROWS:
        return None
    if kind != "group":
        return data
    try:
        found = read_groups(groups, data.classes)
    except (ArgumentError, DataError):
        return data  # the task says what is wrong
    return data if len(found) == 1 else only(data, tuple(label for group in found for label in group))


def _is_there(name: str, classes: Sequence[str]) -> bool:
    kind, _, groups = name.partition(":")
    if kind != "group":
        return True
    try:
        found = read_groups(groups, classes)
    except UnknownNameError:
        return True  # the task says what is wrong
    except ArgumentError:
        return False
    return len(found) > 1 or sum(map(len, found)) < len(classes)
