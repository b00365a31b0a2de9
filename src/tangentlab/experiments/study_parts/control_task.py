"""Tasks of two classes, and as a control three-parity, which a network learns and its initial kernel does not.

"parity" needs no data; the others are those of `two_class_task`, "halves" first of all. A network of the user's own has
an input of its own, and is set to tasks on the data alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from tangentlab._errors import ArgumentError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.places import each
from tangentlab.experiments.study_parts.two_classes import two_class_task
from tangentlab.tasks import Task, parity

PARITY = "parity"
VECTORS = "mlp"
"""The network of the catalogue that takes rows of any shape, and so those of three-parity."""


def each_seed_network_and_task(settings: Settings) -> Iterator[Settings]:
    """One unit for each; without parity for networks that do not take its rows, and other tasks without data.

    >>> given = {"seeds": [0], "networks": ["mlp:width=8", "lenet"], "tasks": ["parity", "halves"], "data": "digits"}
    >>> [(unit["network"], unit["task"]) for unit in each_seed_network_and_task(given)]
    [('mlp:width=8', 'parity'), ('mlp:width=8', 'halves'), ('lenet', 'halves')]
    """
    units = [unit for unit in each(settings, ["seeds", "networks", "tasks"]) if _has_rows(unit)]
    if not units:
        raise ArgumentError(
            "tasks",
            expected="some that the networks can learn",
            got=repr(settings["tasks"]),
            remedy="Give data for the task 'halves', or a network mlp for 'parity'.",
        )
    yield from units


def _has_rows(unit: Settings) -> bool:
    return unit["network"].partition(":")[0] == VECTORS if unit["task"] == PARITY else bool(unit["data"])


def shape_of(settings: Settings) -> tuple[int, ...]:
    """Of a row of the unit's task; empty where it is that of the data.

    >>> shape_of({"task": "parity", "dimension": 5}), shape_of({"task": "halves", "dimension": 5})
    ((5,), ())
    """
    return (settings["dimension"],) if settings["task"] == PARITY else ()


def control_task(unit: StudyUnit, sources: Sources) -> Task:
    """The unit's task, with its numbers of train and test rows.

    >>> given = {"task": "parity", "degree": 2, "dimension": 5, "samples": 8, "test_samples": 4, "seed": 0}
    >>> control_task(StudyUnit("freeze", given), Sources("")).name
    'parity:2,5'
    """
    if unit["task"] != PARITY:
        return two_class_task(unit, sources, samples=unit["samples"])
    sizes = {name: unit[name] for name in ("dimension", "samples", "test_samples", "seed")}
    return parity(unit["degree"], **sizes)
