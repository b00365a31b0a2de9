"""The kernel through time (experiment B6): what Θ_t has learnt when the network has come to f_t, from start to end.

Readings are at the start, at steps 5 · 1.15^k thinned by `every`, at the middle of training in log time
(√T of T steps), at a few epochs and at the end. Each regresses the targets with Θ_t on all training rows, and says how
far Θ_t is from where it began and from where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.rebound import in_state, rebound
from tangentlab.experiments.learning.targets import codes
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.contest import MOST_DOUBLE, Contest, Round, epochs_on
from tangentlab.experiments.study_parts.control_task import (
    PARITY,
    control_task,
    each_seed_network_and_task,
    shape_of,
)
from tangentlab.experiments.study_parts.ridge_rules import regression_solves
from tangentlab.networks import Network
from tangentlab.probes import alignment, kernel_distance
from tangentlab.probes.kernel_evolution import on_log_grid
from tangentlab.training import train


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed, network and task; three-parity has `parity_samples` rows."""
    for unit in each_seed_network_and_task(settings):
        parity = {"samples": settings["parity_samples"]} if unit["task"] == PARITY else {}
        yield unit | parity


def work(settings: Settings) -> Work:
    """The network's descent; for each reading a kernel and its regressions."""
    n, m, batch = settings["samples"], settings["test_samples"], settings["batch_size"]
    steps = steps_of(n, batch=batch, epochs=epochs_on(settings, samples=n))
    readings = len(
        reading_steps(steps, epoch=max(1, n // batch), every=settings["every"], epochs=settings["epochs_read"])
    )
    return Work(
        kernels=((n, n), (m, n)) * readings,
        double=n <= MOST_DOUBLE,
        outputs=(n + m) * readings,
        descents=((steps, batch),),
        solves=regression_solves(n, double=n <= MOST_DOUBLE) * readings,
        shape=shape_of(settings),
    )


def reading_steps(steps: int, *, epoch: int, every: int, epochs: list[int]) -> list[int]:
    """Steps at which to read, of so many in all with `epoch` of them an epoch.

    >>> reading_steps(100, epoch=10, every=4, epochs=[3])
    [0, 5, 9, 10, 15, 27, 30, 47, 82, 100]
    """
    grid = [step for step in range(1, steps + 1) if on_log_grid(step)][::every]
    named = [0, middle(steps), *(count * epoch for count in epochs if count * epoch < steps), steps]
    return sorted({*grid, *named})


def middle(steps: int) -> int:
    """The step halfway through training in log time.

    >>> middle(2500)
    50
    """
    return round(steps**0.5)


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of f_t and of kernel regression with Θ_t, distances of Θ_t from both ends, and its alignment."""
    clock, contest = Clock(), Contest.of(unit, sources, control_task(unit, sources))
    task, n = contest.task, len(contest.task.x_train)
    on, descent, y = Round(contest, n), contest.descent(n), codes(task.y_train)
    steps, epoch = descent.steps(rows=n), descent.steps_per_epoch(rows=n)
    wanted = reading_steps(steps, epoch=epoch, every=unit["every"], epochs=unit["epochs_read"])
    with clock.part("network"):
        trained = train(contest.initial, task.x_train, task.y_train, descent, snapshots=wanted)

    def at(step: int) -> Network:
        return rebound(contest.initial, in_state(trained.module, trained.snapshots[step]))

    with clock.part("kernels"):
        first, last = (contest.anchor(at(step), task) for step in (0, steps))
    readings = []
    for step in wanted:
        with clock.part("kernels"):
            anchor = first if step == 0 else last if step == steps else contest.anchor(at(step), task)
        with clock.part("regressions"):
            kernel = on.regress(anchor.gram.values, anchor.cross)
        readings.append(
            {
                "step": step,
                "epoch": step / epoch,
                "network": on.rates(anchor.train_outputs, anchor.test_outputs),
                "kernel": kernel,
                **_measures(anchor.gram.values, first.gram.values, last.gram.values, y),
            }
        )
    found = {
        "task": task.name,
        "rows": n,
        "test_rows": len(task.x_test),
        "steps": steps,
        "steps_per_epoch": epoch,
        "middle": middle(steps),
        "readings": readings,
    }
    return Findings(found, clock.seconds)


def _measures(K: Tensor, first: Tensor, last: Tensor, y: Tensor) -> Mapping[str, Any]:
    """Distances from the kernels of both ends, trace, and alignment with the targets."""
    aligned = alignment(K, y)
    return {
        "from_start": kernel_distance(first, K),
        "from_end": kernel_distance(last, K),
        "trace": float(K.diagonal().double().sum()),
        "alignment": {"centered": aligned.centered, "trace_normalized": aligned.trace_normalized},
    }
