"""Accuracy, lead and effort against the index of an eigenfunction, for the network and its linearization."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from tangentlab.records import Record
from tangentlab.report.claims.eigenfunctions import LEARNERS, Told, common_level, lead, steps_to, tasks_of, value
from tangentlab.report.claims.readings import by_network, reading
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.pictures.lines import index_axis, index_place, line
from tangentlab.report.wording import shortened

Read = Callable[[Told, str], float | None]


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Test accuracy, the lead of the linearization, epochs to a loss and distance, each against the index.

    >>> [figure.drawn for figure in pictures([])]
    [False, False, False, False]
    """
    indices = [task["index"] for record in records for task in tasks_of(record)]
    x = index_axis(indices)
    return (
        Figure(
            "eigenfunctions",
            "Accuracy on eigenfunctions of the initial kernel",
            "Test accuracy of the network and of its linearization at the start, trained by the same descent on the "
            "labels 1[φ_j > 0], against the index j; mean over seeds with Student's 95% band. A half is chance.",
            x=x,
            y=Axis("test accuracy"),
            panels=_panels(records, lambda task, learner: value(task, learner, "test_accuracy")),
        ),
        Figure(
            "eigenfunctions-lead",
            "Lead of the linearization",
            "Test accuracy of the linearization minus that of the network, paired by seed; mean with Student's 95% "
            "band.",
            x=x,
            y=Axis("difference of accuracies", zero=True),
            panels=tuple(
                Panel(shortened(network), (_line(seeds, "lead", "linear-init", lambda task, _: lead(task)),))
                for network, seeds in by_network(records).items()
            ),
        ),
        Figure(
            "eigenfunctions-steps",
            "Epochs to learn an eigenfunction",
            "Epochs until the loss, averaged over an eighth of one, has come down to the lowest of the levels that the "
            "learner reached on every task of every seed; where there is none, to the highest, and an index at which "
            "some seed did not come there is left out.",
            x=x,
            y=Axis("epochs", log=True),
            panels=_effort(records),
        ),
        Figure(
            "eigenfunctions-distance",
            "Distance travelled",
            "How far the parameters are from where they started, ‖θ − θ0‖; mean over seeds with Student's 95% band. "
            "Where the steps are too few to learn a task, the parameters stop short of where it would take them.",
            x=x,
            y=Axis("distance"),
            panels=_panels(records, lambda task, learner: value(task, learner, "distance")),
        ),
    )


def _effort(records: Sequence[Record]) -> tuple[Panel, ...]:
    panels = []
    for network, seeds in by_network(records).items():
        held, series = [of_seed[0] for of_seed in seeds.values()], []
        epoch = reading(held[0], "steps_per_epoch")
        for learner, words in LEARNERS.items():
            level = common_level(held, learner)
            if level is not None and epoch:
                series.append(_line(seeds, f"{words}, to {level}", learner, _epochs_to(level, epoch)))
        panels.append(Panel(shortened(network), tuple(series)))
    return tuple(panels)


def _epochs_to(level: str, epoch: int) -> Read:
    def epochs(task: Told, learner: str) -> float | None:
        steps = steps_to(task, learner, level)
        return None if steps is None else steps / epoch

    return epochs


def _panels(records: Sequence[Record], read: Read) -> tuple[Panel, ...]:
    return tuple(
        Panel(
            shortened(network),
            tuple(_line(seeds, words, learner, read) for learner, words in LEARNERS.items()),
        )
        for network, seeds in by_network(records).items()
    )


def _line(seeds: Mapping[int, Sequence[Record]], name: str, learner: str, read: Read) -> Series:
    points: dict[float, list[float]] = {}
    for held in seeds.values():
        for task in tasks_of(held[0]):
            got = read(task, learner)
            points.setdefault(index_place(task["index"]), []).append(math.inf if got is None else got)
    reached = {x: values for x, values in points.items() if all(math.isfinite(value) for value in values)}
    return line(name, learner, reached, of="index")
