"""Tasks that a study names for ten classes, and rows that it asks for, where data of the user's own have fewer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.data import Data
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.pool import half, rows_there
from tangentlab.tasks.grouping import read_groups, write_groups


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


def with_rows_there(unit: StudyUnit, data: Data) -> StudyUnit:
    """The unit with as many rows as the data have, where it asks for more; a warning says so.

    >>> few = Data.from_arrays([[0.0]] * 12, [0, 1] * 6, name="few")
    >>> with warnings.catch_warnings(action="ignore"):
    ...     with_rows_there(StudyUnit("risk", {"samples": 1000, "test_samples": 2000}), few).settings
    {'samples': 9, 'test_samples': 3}
    """
    samples, held = rows_there(data, samples=unit["samples"], test_samples=unit["test_samples"])
    return replace(unit, settings={**unit.settings, "samples": samples, "test_samples": held})


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
