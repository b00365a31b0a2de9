"""Tasks that a study names for ten classes, on data of the user's own that may have fewer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.data import Data
from tangentlab.experiments.study_parts.pool import half
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
