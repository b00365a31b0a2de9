"""Tasks of two classes that any labelled data have: its classes in two halves, or the two that lie closest.

==========  ==========================================================================================
`halves`    the first half of the classes against the rest; `group:0-4` for ten
`closest`   the two classes a, b with the least ‖μ_a − μ_b‖² / (tr Σ_a + tr Σ_b) among the train rows
otherwise   a task of the catalogue with one output, as `group:0/6`
==========  ==========================================================================================
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from tangentlab._errors import ArgumentError, DataError
from tangentlab.data import Data
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.own_tasks import with_rows_there
from tangentlab.experiments.study_parts.pool import only, pool_of
from tangentlab.tasks import Task

HALVES, CLOSEST = "halves", "closest"


def two_class_task(unit: StudyUnit, sources: Sources, *, samples: int) -> Task:
    """The unit's task on so many rows; data with fewer give all they have, and a warning.

    >>> settings = {"task": "closest", "seed": 0, "test_samples": 20}
    >>> task = two_class_task(StudyUnit("data-scaling", settings), Sources("digits"), samples=50)
    >>> task.name, task.outputs, len(task.x_train)
    ('group:1/8', 1, 50)
    """
    name, data = unit["task"], sources.loaded
    if name == HALVES:
        return pool_of(unit, sources, samples=samples).two_groups()
    if name == CLOSEST:
        a, b = closest_classes(data)
        pool = pool_of(unit, Sources(only(data, (a, b))), samples=samples)
        return replace(pool.two_groups(), name=f"group:{a}/{b}")
    unit = with_rows_there(replace(unit, settings={**unit.settings, "samples": samples}), data, tasks=[name])
    task = sources.task(name, unit, samples=unit["samples"], seed=unit["seed"])
    if task.outputs != 1:
        raise ArgumentError(
            "tasks",
            expected="tasks of two classes",
            got=f"{name!r} with {task.outputs}",
            remedy="Try 'halves', 'closest' or 'group:0/6'.",
        )
    return task


def closest_classes(data: Data) -> tuple[int, int]:
    """The two classes whose means are closest for the spread of their rows, by train rows alone.

    >>> data = Data.from_arrays([[0.0], [1.0], [5.0], [6.0], [7.0], [8.0]], [0, 0, 1, 1, 2, 2], name="line")
    >>> closest_classes(data)
    (1, 2)
    """
    x, y = data.x[: data.n_train].flatten(1).double(), data.y[: data.n_train]
    present = [label for label in range(len(data.classes)) if int((y == label).sum()) > 1]
    if len(present) < 2:
        raise DataError(
            f"{data.name} has {len(present)} classes with two train rows or more; a task needs two.",
            remedy="Give data with two classes.",
        )
    means = {label: x[y == label].mean(0) for label in present}
    spreads = {label: float(x[y == label].var(0).sum()) for label in present}

    def apart(pair: tuple[int, int]) -> float:
        a, b = pair
        between, within = float((means[a] - means[b]).square().sum()), spreads[a] + spreads[b]
        return between / within if within else float("inf")

    return min(combinations(present, 2), key=apart)
