"""The gap between a network and its initial kernel under other choices of training (experiment B2).

Learning rate, batch size and optimizer change the network and not Θ_0, whose regression is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.rebound import rebound
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.contest import MOST_DOUBLE, Contest, Round, epochs_on
from tangentlab.experiments.study_parts.control_task import control_task, each_seed_network_and_task, shape_of
from tangentlab.experiments.study_parts.ridge_rules import regression_solves
from tangentlab.training import Descent, train

RATES = {"sgd": "learning_rate", "adam": "adam_learning_rate"}
"""Optimizer to the setting that is its usual rate, which the factors multiply."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed, network and task; unknown optimizers are refused before anything runs."""
    for _, descent in descents(settings | {"seed": 0}):
        replace(descent)
    return each_seed_network_and_task(settings)


def descents(settings: Mapping[str, Any]) -> Iterator[tuple[float, Descent]]:
    """The factor of the learning rate and the descent of each choice; all of them read as many examples.

    >>> given = {"optimizers": ["sgd", "adam"], "factors": [0.5, 2.0], "batch_sizes": [32], "learning_rate": 0.1,
    ...          "adam_learning_rate": 0.001, "momentum": 0.9, "schedule": "linear", "examples": 100,
    ...          "most_epochs": 5, "samples": 50, "seed": 0}
    >>> [(d.optimizer, d.learning_rate, d.epochs) for _, d in descents(given)]
    [('sgd', 0.05, 2), ('sgd', 0.2, 2), ('adam', 0.0005, 2), ('adam', 0.002, 2)]
    """
    chosen = product(settings["optimizers"], settings["batch_sizes"], settings["factors"])
    for optimizer, batch_size, factor in chosen:
        yield (
            factor,
            Descent(
                optimizer=optimizer,
                learning_rate=factor * settings[RATES.get(optimizer, "learning_rate")],
                momentum=settings["momentum"],
                batch_size=batch_size,
                epochs=epochs_on(settings, samples=settings["samples"]),
                schedule=settings["schedule"],
                seed=settings["seed"],
            ),
        )


def work(settings: Settings) -> Work:
    """Θ_0 with its regressions, and a descent of the network for each choice."""
    n, m = settings["samples"], settings["test_samples"]
    chosen = tuple(
        (steps_of(n, batch=descent.batch_size, epochs=descent.epochs), descent.batch_size)
        for _, descent in descents(settings | {"seed": 0})
    )
    return Work(
        kernels=((n, n), (m, n)),
        double=n <= MOST_DOUBLE,
        outputs=(n + m) * (1 + len(chosen)),
        descents=chosen,
        solves=regression_solves(n, double=n <= MOST_DOUBLE),
        shape=shape_of(settings),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of the initial kernel, once, and of the network after each choice of training."""
    clock, contest = Clock(), Contest.of(unit, sources, control_task(unit, sources))
    task = contest.task
    on = Round(contest, len(task.x_train))
    with clock.part("initial"):
        initial = on.regress(contest.start.gram.values, contest.start.cross)
    choices = []
    for factor, descent in descents(unit.settings | {"samples": len(task.x_train)}):
        with clock.part(descent.optimizer):
            state = train(contest.initial, task.x_train, task.y_train, descent)
            end = rebound(contest.initial, state.module)
            errors = on.rates(end(task.x_train), end(task.x_test))
        choices.append(
            {
                "optimizer": descent.optimizer,
                "batch_size": descent.batch_size,
                "factor": factor,
                "learning_rate": descent.learning_rate,
                "epochs": descent.epochs,
                "network": errors,
            }
        )
    readings = {
        "task": task.name,
        "rows": len(task.x_train),
        "test_rows": len(task.x_test),
        "initial": initial,
        "choices": choices,
    }
    return Findings(readings, clock.seconds)
