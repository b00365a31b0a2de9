"""Linearizations at the start and at the end of training, set to learn what the network has learnt (experiment A7).

======================  ============================================================================================
`network`               trained on 1[φ_j > 0], φ_j the eigenfunction of index j of its initial kernel
`linear-init`           J_0 δ, the centred linearization at θ0, trained by the same descent on the same batches
`linear-end`            J_T δ, the same at the trained weights: zero at the start, with the kernel that training made
`linear-end-matched`    the same, slowed so that learning rate times the largest eigenvalue is that of `linear-init`
======================  ============================================================================================

The descent of `linear-end` is not slowed where its rate is above the stable one, as published; a warning tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from tangentlab.experiments.inputs.sources import Model, Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.fits import Fit, assess
from tangentlab.experiments.learning.rebound import in_state, rebound
from tangentlab.experiments.studies.eigenfunctions import present, tasks_of
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.anchored_pool import MOST_DOUBLE, AnchoredPool
from tangentlab.experiments.study_parts.learnt import Learnt
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.experiments.study_parts.protocol import descent_of, expect_statistics
from tangentlab.networks import Network
from tangentlab.probes import kernel_distance
from tangentlab.tasks import Task
from tangentlab.training import Descent, train, train_function_space_many
from tangentlab.training.snapshots import snapshot_steps

Outputs = Callable[[int], tuple[Tensor, Tensor]]
"""Steps taken to outputs on the train and the test rows."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed."""
    expect_statistics(settings)
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """The initial kernel and one for each index, with a descent of the network and three in function space."""
    n, count = settings["samples"], len(settings["indices"])
    rows = n + settings["test_samples"]
    steps = steps_of(n, batch=settings["batch_size"], epochs=settings["epochs"])
    return Work(
        kernels=((rows, rows),) * (1 + count),
        double=rows <= MOST_DOUBLE,
        outputs=rows * (1 + count),
        descents=((count * steps, settings["batch_size"]),),
        span=((steps, settings["batch_size"], n),) * (2 * count),
        eigenpairs=((rows, min(rows, 1 + max(settings["indices"]))),),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """For each index: every learner at the end, and its curve through training."""
    clock = Clock()
    rows = pool_of(unit, sources)
    model = model_of(unit, sources, shape=rows.shape)
    with clock.part("kernel"):
        initial = AnchoredPool.at(Network(model, mode="eval"), rows, unit)
    with clock.part("eigenfunctions"):
        found = initial.eigenfunctions(max(present(unit["indices"], rows=len(rows.x))) + 1, form="transductive")
        tasks, refused = tasks_of(found, present(unit["indices"], rows=len(rows.x)))
    descent = descent_of(unit)
    steps = snapshot_steps(unit["snapshots"], steps=descent.steps(rows=initial.n))
    told, warned = [], []
    for index, task in tasks.items():
        with clock.part("network"):
            network, module = _network(model, task, descent, steps=steps, levels=unit["loss_levels"])
        with clock.part("kernel at the end"):
            end = initial.after(module, unit)
        rate, stable = descent.learning_rate, (initial.stable_rate(descent), end.stable_rate(descent))
        matched = replace(descent, learning_rate=rate * stable[1] / stable[0])
        for name, bound in zip(("linear-init", "linear-end"), stable):
            if rate >= bound:
                warned.append(f"{name}, index {index}: the rate {rate:g} is above the stable one, {bound:.3g}.")
        learners = {"network": network}
        with clock.part("linear"):
            for names, anchor, descents in (
                (("linear-init",), initial, [descent]),
                (("linear-end", "linear-end-matched"), end, [descent, matched]),
            ):
                learnt = _linear(anchor, task, descents, steps=steps, levels=unit["loss_levels"])
                learners |= dict(zip(names, learnt))
        told.append(
            {
                "index": index,
                "kernel_distance": kernel_distance(initial.K, end.K),
                "trace_ratio": end.gram.trace / initial.gram.trace,
                "stable_rates": {"init": stable[0], "end": stable[1]},
                "learners": learners,
            }
        )
    return Findings({**initial.readings(), "tasks": told, "refused": refused, "warnings": warned}, clock.seconds)


def _network(
    model: Model, task: Task, descent: Descent, *, steps: Sequence[int], levels: Sequence[float]
) -> tuple[dict[str, Any], Any]:
    """Readings and curve of the network, and the trained module."""
    state = train(model, task.x_train, task.y_train, descent, snapshots=steps)
    initial = Network(model, mode="eval")

    def at(step: int) -> tuple[Tensor, Tensor]:
        then = rebound(initial, in_state(state.module, state.snapshots[step]))
        return then(task.x_train), then(task.x_test)

    end = rebound(initial, state.module)
    learnt = Learnt(end(task.x_train), end(task.x_test), state.history, state.distance)
    return {**learnt.readings(task, descent, levels=levels), "curve": _curve(at, task, steps)}, state.module


def _linear(
    anchor: AnchoredPool, task: Task, descents: Sequence[Descent], *, steps: Sequence[int], levels: Sequence[float]
) -> list[dict[str, Any]]:
    """Readings and curve of the centred linearization at an anchor, for each descent."""
    states = train_function_space_many(anchor.K, None, [task.y_train], descents, snapshots=steps)
    found = []
    for state, descent in zip(states, descents):

        def at(step: int, state: Any = state) -> tuple[Tensor, Tensor]:
            return state.predict(anchor.K, step=step), state.predict(anchor.K_test, step=step)

        learnt = Learnt(state.train_outputs, state.predict(anchor.K_test), state.history, state.distance)
        found.append({**learnt.readings(task, descent, levels=levels), "curve": _curve(at, task, steps)})
    return found


def _curve(at: Outputs, task: Task, steps: Sequence[int]) -> dict[str, Any]:
    """Losses and accuracies after each number of steps, in lists of one length."""
    read = [assess(Fit(*at(step)), task) for step in steps]
    return {"steps": list(steps), **{name: [one[name] for one in read] for name in read[0]}}
