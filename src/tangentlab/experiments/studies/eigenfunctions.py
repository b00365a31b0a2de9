"""Eigenfunctions of the initial kernel, learnt by the network and by its linearization (experiments A2 and A3).

Task j: label 1[φ_j > 0], φ_j the eigenfunction of index j, counted from 0, of the network's own initial kernel on train
and test rows together (form "transductive", as published) or on the train rows, extended by Nyström ("inductive").
Both learners have the same descent and the same batches.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

from tangentlab._errors import ArgumentError, DataError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.anchored_pool import MOST_DOUBLE, AnchoredPool
from tangentlab.experiments.study_parts.learnt import learn_linearizations, learn_network
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.experiments.study_parts.protocol import descent_of
from tangentlab.experiments.study_parts.told_by_kernel import MOST_SOLVED, told_by_kernel
from tangentlab.networks import Network
from tangentlab.tasks import Task
from tangentlab.tasks.eigenfunctions import Eigenfunctions


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed: the kernel is decomposed once for all its tasks."""
    if settings["form"] not in ("transductive", "inductive"):
        raise ArgumentError(
            "form", expected="transductive or inductive", got=repr(settings["form"]), remedy="Try transductive."
        )
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """A Gram matrix, its leading eigenpairs, and a descent both ways for each index."""
    n, count = settings["samples"], len(settings["indices"])
    rows = n + settings["test_samples"]
    steps = steps_of(n, batch=settings["batch_size"], epochs=settings["epochs"])
    return Work(
        kernels=((rows, rows),),
        double=rows <= MOST_DOUBLE,
        outputs=rows,
        descents=((count * steps, settings["batch_size"]),),
        span=((steps, settings["batch_size"], n),),
        eigenpairs=((rows, min(rows, 1 + max(settings["indices"]))),),
        solves=(n,) if n <= MOST_SOLVED else (),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """For each index: what the kernel says of the task, and what both learners make of it."""
    clock = Clock()
    rows = pool_of(unit, sources)
    model = model_of(unit, sources, shape=rows.shape)
    with clock.part("kernel"):
        anchor = AnchoredPool.at(Network(model, mode="eval"), rows, unit)
    with clock.part("eigenfunctions"):
        indices = present(unit["indices"], rows=anchor.n if unit["form"] == "inductive" else len(rows.x))
        found = anchor.eigenfunctions(max(indices) + 1, form=unit["form"])
        tasks, refused = tasks_of(found, indices)
    with clock.part("measures"):
        told = told_by_kernel(anchor, list(tasks.values()))
    descent, levels = descent_of(unit), unit["loss_levels"]
    with clock.part("linear-init"):
        linear = learn_linearizations(anchor, list(tasks.values()), descent, name="linear-init")
    readings = []
    for (index, task), measured, linearized in zip(tasks.items(), told, linear):
        with clock.part("network"):
            network = learn_network(model, task, descent)
        learners = {
            name: learnt.readings(task, descent, levels=levels)
            for name, learnt in (("network", network), ("linear-init", linearized))
        }
        readings.append({**found.readings(index), **measured, "learners": learners})
    return Findings(
        {
            **anchor.readings(),
            "steps_per_epoch": descent.steps_per_epoch(rows=anchor.n),
            "tasks": readings,
            "refused": refused,
            "warnings": list(linear[0].warnings),
        },
        clock.seconds,
    )


def present(indices: Sequence[int], *, rows: int) -> list[int]:
    """The indices that a kernel on so many rows has, rising; a warning tells of the others, none at all is refused.

    >>> present([10, 1], rows=11)
    [1, 10]
    """
    kept = sorted(index for index in indices if index < rows)
    if not kept:
        raise ArgumentError(
            "indices",
            expected=f"below {rows}, the number of rows",
            got=repr(indices),
            remedy="Try indices=[1, 3].",
        )
    if len(kept) < len(indices):
        warnings.warn(f"{rows:,} rows have no eigenfunctions of index {rows:,} and above.", stacklevel=2)
    return kept


def tasks_of(found: Eigenfunctions, indices: Sequence[int]) -> tuple[dict[int, Task], dict[str, str]]:
    """Index to task, and index to the reason for those that are none: one class among the train rows.

    >>> import torch
    >>> x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> found = Eigenfunctions.of((x * torch.tensor([2.0, 1.0])) @ x.T, x, 2, train=2)
    >>> list(tasks_of(found, [0, 1])[0]), list(tasks_of(found, [0, 1])[1])
    ([1], ['0'])
    """
    tasks, refused = {}, {}
    for index in indices:
        try:
            tasks[index] = found.task(index)
        except DataError as error:
            refused[str(index)] = str(error)
    if not tasks:
        raise DataError(
            "None of the eigenfunctions asked for makes two classes.", remedy=" ".join(refused.values())
        )
    return tasks, refused
