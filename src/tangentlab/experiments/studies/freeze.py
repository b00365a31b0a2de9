"""An intervention: the kernel is frozen on the way, and training goes on linearly to the end.

At the end of an epoch t the network is linearized where it stands, f_t + J_t(θ − θ_t), and the linearization is trained
by what is left of the network's own descent: its batches and its learning rates, with momentum from zero. Frozen at the
start it is the linearization of the initial network; what it gains when frozen later, the kernel had learnt by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.anchor import Anchor
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.fits import slowed
from tangentlab.experiments.learning.rebound import in_state, rebound
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.contest import MOST_DOUBLE, Contest, Round, epochs_on
from tangentlab.experiments.study_parts.control_task import control_task, each_seed_network_and_task, shape_of
from tangentlab.probes import kernel_distance
from tangentlab.tasks import Task
from tangentlab.training import Descent, train, train_function_space


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed, network and task."""
    return each_seed_network_and_task(settings)


def work(settings: Settings) -> Work:
    """The network's descent, and for each freezing a kernel and the steps that are left."""
    n, m, batch = settings["samples"], settings["test_samples"], settings["batch_size"]
    epochs = epochs_on(settings, samples=n)
    frozen = freezings(settings["freeze_epochs"], epochs=epochs)
    return Work(
        kernels=((n, n), (m, n)) * len(frozen),
        double=n <= MOST_DOUBLE,
        outputs=(n + m) * (1 + len(frozen)),
        descents=((steps_of(n, batch=batch, epochs=epochs), batch),),
        span=tuple((steps_of(n, batch=batch, epochs=epochs - each), batch, n) for each in frozen),
        eigenpairs=((n, 1),) * len(frozen),
        shape=shape_of(settings),
    )


def freezings(wanted: list[int], *, epochs: int) -> list[int]:
    """Epochs at whose end to freeze: the start, those asked for that leave one to go, and a tenth of them all.

    >>> freezings([1, 5, 80], epochs=50), freezings([1], epochs=20)
    ([0, 1, 5], [0, 1, 2])
    """
    return sorted({0, tenth(epochs), *(each for each in wanted if each < epochs)})


def tenth(epochs: int) -> int:
    """A tenth of the epochs, as whole as they are.

    >>> [tenth(epochs) for epochs in (1, 4, 26, 100)]
    [0, 1, 3, 10]
    """
    return min(max(1, round(epochs / 10)), epochs - 1)


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of the network at its end, and for each freezing those then and at the end of the linear descent."""
    clock, contest = Clock(), Contest.of(unit, sources, control_task(unit, sources))
    task, n = contest.task, len(contest.task.x_train)
    on, descent = Round(contest, n), contest.descent(n)
    epochs, length = freezings(unit["freeze_epochs"], epochs=descent.epochs), descent.steps_per_epoch(rows=n)
    with clock.part("network"):
        steps = [epoch * length for epoch in epochs]
        trained = train(contest.initial, task.x_train, task.y_train, descent, snapshots=steps)
        end = rebound(contest.initial, trained.module)
        network = on.rates(end(task.x_train), end(task.x_test))
    frozen, warnings = [], []
    for epoch, step in zip(epochs, steps):
        with clock.part("kernels"):
            then = rebound(contest.initial, in_state(trained.module, trained.snapshots[step]))
            anchor = contest.anchor(then, task) if step else contest.start
        with clock.part("linear descents"):
            train_outputs, test_outputs, rate, told = finish(anchor, task, descent, start=epoch)
        frozen.append(
            {
                "epoch": epoch,
                "network": on.rates(anchor.train_outputs, anchor.test_outputs),
                "frozen": on.rates(train_outputs, test_outputs),
                "learning_rate": rate,
                "kernel_distance": kernel_distance(contest.start.gram.values, anchor.gram.values),
            }
        )
        warnings += told
    readings = {
        "task": task.name,
        "rows": n,
        "test_rows": len(task.x_test),
        "epochs": descent.epochs,
        "tenth": tenth(descent.epochs),
        "network": network,
        "freezings": frozen,
        "warnings": warnings,
    }
    return Findings(readings, clock.seconds)


def finish(
    anchor: Anchor, task: Task, descent: Descent, *, start: int
) -> tuple[Tensor, Tensor, float, tuple[str, ...]]:
    """Outputs on both parts after the rest of a descent, linear from an anchor at the end of epoch `start`.

    The rate of its first step follows them. Where that is too fast for the anchor's kernel the rest is slowed (see
    `slowed`), all its rates by one factor, and a sentence says so.
    """
    first = descent.learning_rates(descent.steps(rows=len(task.y_train)))[
        start * descent.steps_per_epoch(rows=len(task.y_train))
    ]
    stepping, told = slowed(
        replace(descent, learning_rate=first),
        anchor.stable_rate(descent),
        name=f"frozen at epoch {start}",
    )
    factor = stepping.learning_rate / first
    used = replace(descent, learning_rate=factor * descent.learning_rate)
    state = train_function_space(anchor.gram.values, anchor.train_outputs, task.y_train, used, start=start)
    return state.train_outputs, state.predict(anchor.cross, anchor.test_outputs), stepping.learning_rate, told
