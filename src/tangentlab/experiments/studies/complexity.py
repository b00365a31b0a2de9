"""Measures of natural labels, of random ones and of eigenfunctions, beside what is learnt of them (experiment A8).

The kernel is decomposed once; each task gets its alignments, its norm and the share in the first eigenvectors before
anything is trained, and then the test accuracy of the network and of its linearization under one descent.

Random labels are balanced, as many of one class as of the other, and so not independent: their α_U is drawn from 0 to
−K̄ / (n − 1), K̄ the mean of the kernel off its diagonal.
"""

from __future__ import annotations

from collections.abc import Iterator

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.studies.eigenfunctions import present, tasks_of
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.anchored_pool import MOST_DOUBLE, AnchoredPool
from tangentlab.experiments.study_parts.learnt import learn_linearizations, learn_network
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.experiments.study_parts.protocol import descent_of
from tangentlab.experiments.study_parts.told_by_kernel import energies, told_by_kernel
from tangentlab.networks import Network
from tangentlab.tasks import Task

OTHERS = 2
"""Tasks beside the eigenfunctions: natural and random labels."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed: the kernel is computed once for all its tasks."""
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """A Gram matrix, two decompositions, a factorization, and a descent both ways for each task."""
    n, count = settings["samples"], OTHERS + len(settings["indices"])
    rows = n + settings["test_samples"]
    steps = steps_of(n, batch=settings["batch_size"], epochs=settings["epochs"])
    return Work(
        kernels=((rows, rows),),
        double=rows <= MOST_DOUBLE,
        outputs=rows,
        descents=((count * steps, settings["batch_size"]),),
        span=((steps, settings["batch_size"], n),),
        eigenpairs=((rows, 2 + max(settings["indices"])), (n, min(n, settings["top"]))),
        solves=(n,),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """For each task: its measures, and what both learners make of it."""
    clock, descent = Clock(), descent_of(unit)
    rows = pool_of(unit, sources)
    model = model_of(unit, sources, shape=rows.shape)
    with clock.part("kernel"):
        anchor = AnchoredPool.at(Network(model, mode="eval"), rows, unit)
    with clock.part("eigenfunctions"):
        indices = present(unit["indices"], rows=anchor.n if unit["form"] == "inductive" else len(rows.x))
        found, refused = tasks_of(anchor.eigenfunctions(max(indices) + 1, form=unit["form"]), indices)
    kinds: list[tuple[str, int | None]] = [("natural", None), ("random", None)]
    kinds += [("eigenfunction", index) for index in found]
    tasks: list[Task] = [rows.two_groups(), rows.random_labels(unit["seed"]), *found.values()]
    with clock.part("measures"):
        measured = told_by_kernel(anchor, tasks)
        shares = energies(anchor.K, tasks, top=unit["top"])
    with clock.part("linear-init"):
        linear = learn_linearizations(anchor, tasks, descent, name="linear-init")
    told = []
    for (kind, index), task, measures, energy, linearized in zip(kinds, tasks, measured, shares, linear):
        with clock.part("network"):
            network = learn_network(model, task, descent)
        learners = {"network": network.readings(task, descent), "linear-init": linearized.readings(task, descent)}
        told.append(
            {"kind": kind, "index": index, "task": task.name, **measures, "energy": energy, "learners": learners}
        )
    return Findings(
        {
            **anchor.readings(),
            "top": unit["top"],
            "tasks": told,
            "refused": refused,
            "warnings": list(linear[0].warnings),
        },
        clock.seconds,
    )
