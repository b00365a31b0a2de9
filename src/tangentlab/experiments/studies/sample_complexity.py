"""Sample complexity (experiment A5): network, linearization and kernel over sizes of the training set, on two families.

"natural" parts the data's own classes in two groups; "eigenfunction:30" is the sign of the eigenfunction of index 30,
counted from 0, of the network's own initial kernel on all rows. Fewer rows are the first of more rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tangentlab._errors import ArgumentError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work
from tangentlab.experiments.study_parts.anchored_pool import AnchoredPool
from tangentlab.experiments.study_parts.contestants import contest_of, contest_work
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.networks import Network

NATURAL, EIGENFUNCTION = "natural", "eigenfunction:"


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed, network and task; names of tasks are read before anything runs."""
    for name in settings["tasks"]:
        index_of(name)
    return each(settings, ["seeds", "networks", "tasks"])


def index_of(name: str) -> int | None:
    """The index of an eigenfunction's task; None for the natural one, and other names are refused.

    >>> index_of("eigenfunction:30"), index_of("natural")
    (30, None)
    """
    head, _, number = name.partition(EIGENFUNCTION)
    if name == NATURAL or (head == "" and number.isdecimal()):
        return None if name == NATURAL else int(number)
    raise ArgumentError(
        "tasks",
        expected=f"{NATURAL!r}, or {EIGENFUNCTION!r} with an index from 0",
        got=repr(name),
        remedy=f"Try {EIGENFUNCTION}30.",
    )


def work(settings: Settings) -> Work:
    """That of a contest, and for an eigenfunction a kernel of all rows with its leading eigenpairs."""
    index, rows = index_of(settings["task"]), max(settings["samples"]) + settings["test_samples"]
    found = contest_work(settings)
    if index is not None:
        found += Work(kernels=((rows, rows),), eigenpairs=((rows, index + 2),))
    return found


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of every learner on each number of rows of the unit's task."""
    clock, index = Clock(), index_of(unit["task"])
    rows = pool_of(unit, sources, samples=max(unit["samples"]))
    task, told = rows.two_groups(), dict[str, Any]()
    if index is not None:
        with clock.part("eigenfunction"):
            network = Network(model_of(unit, sources, shape=rows.shape), mode="eval")
            found = AnchoredPool.at(network, rows, unit).eigenfunctions(index + 1, form=unit["form"])
            task, told = found.task(index), {"eigenfunction": found.readings(index)}
    contest = contest_of(unit, sources, task)
    return replace(contest, readings=contest.readings | told, timings=clock.seconds | contest.timings)
