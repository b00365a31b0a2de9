"""Calibration: predictions made before training, held against what trained networks then did.

For each task and architecture the error that `predict` foretells from the training rows alone is kept beside the test
error of the linearization (kernel regression with the initial kernel) and of the network trained by descent, and
beside what naive predictors say. Nothing in `predict` was tuned on these cells.

=================  ====================================================================
`constant`         the share of the smaller class
`label_entropy`    entropy of the labels
`linear_model`     leave-one-out error of ridge regression on the rows themselves
`trace`            mean diagonal of the kernel, which knows the architecture alone
`alignment`        minus the trace-normalised alignment
`complexity`       normalised yᵀK⁻¹y
=================  ====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tangentlab.experiments.inputs.sources import Model, Sources
from tangentlab.experiments.learning.anchor import Anchor
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.rebound import rebound
from tangentlab.experiments.learning.targets import codes
from tangentlab.experiments.prediction.predict import predict
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.on_device import model_of, task_of
from tangentlab.experiments.study_parts.own_tasks import tasks_there, with_rows_there
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.protocol import descent_of
from tangentlab.linalg import rounding_of
from tangentlab.networks import Network
from tangentlab.tasks import Task
from tangentlab.training import KernelRegression, accuracy, train

LINEAR_RIDGE = 1e-2
"""Of the linear model, as a share of its mean diagonal."""

SOLVES = 25
"""Factorizations that take as long as what is solved for a task: subsets of its rows, and three regressions."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed, all tasks in it: they share their rows, and with them a kernel."""
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """Two kernels for all tasks; for each a decomposition, some factorizations and a descent of the network.

    Eigenfunctions among the tasks have one decomposition on all rows (of one network: others are not counted).
    """
    n, m, tasks = settings["samples"], settings["test_samples"], settings["tasks"]
    steps = steps_of(n, batch=settings["batch_size"], epochs=settings["epochs"])
    shared = any(name.startswith("eigenfunction") for name in tasks)
    return Work(
        kernels=((n, n), (m, n)),
        outputs=(n + m) * (1 + len(tasks)),
        descents=((steps, settings["batch_size"]),) * len(tasks),
        eigenpairs=((n, n),) * len(tasks) + ((n + m, n + m),) * shared,
        solves=(n,) * (SOLVES * len(tasks)),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """One row of readings for each task."""
    clock, cells, start = Clock(), [], None
    names = tasks_there(unit["tasks"], sources.loaded)
    unit = with_rows_there(unit, sources.loaded, tasks=names)
    with clock.part("tasks"):
        tasks = sources.tasks_of(names, unit, samples=unit["samples"], seed=unit["seed"])
    for name, task in zip(names, (task_of(unit, task) for task in tasks)):
        with clock.part("kernel"):
            if start is None or not start.serves(task):
                start = _Start.of(unit, sources, task)
        cells.append({"task": name, **_cell(unit, start, task, clock)})
    return Findings({"cells": cells}, clock.seconds)


@dataclass(frozen=True, eq=False)
class _Start:
    """A unit's network before training, with its kernel on rows that tasks share, whatever their labels."""

    model: Model
    rows: Task
    anchor: Anchor

    @classmethod
    def of(cls, unit: StudyUnit, sources: Sources, task: Task) -> _Start:
        model = model_of(unit, sources, shape=task.shape, outputs=task.outputs)
        network = Network(model, mode="eval")
        return cls(model, task, Anchor.at(network, task, kernel="mean", memory=unit["memory"] or None))

    def serves(self, task: Task) -> bool:
        """Whether a task has the rows, and as many outputs."""
        pairs = (self.rows.x_train, task.x_train), (self.rows.x_test, task.x_test)
        return self.rows.outputs == task.outputs and all(torch.equal(mine, other) for mine, other in pairs)


def _cell(unit: StudyUnit, start: _Start, task: Task, clock: Clock) -> dict[str, Any]:
    network = start.anchor.network
    labels = task.y_train[:, 0].long() if task.outputs == 1 else task.y_train.argmax(1)
    n = len(labels)
    with clock.part("predict"):
        told = predict(network, task.x_train, labels, samples=[n], ridge=unit["ridge"], gram=start.anchor.gram)
    assert told.error is not None
    value, low, high = told.error.at(-1)
    with clock.part("linearization"):
        linear = _linearization_error(start.anchor, task, ridge=unit["ridge"])
    with clock.part("network"):
        state = train(start.model, task.x_train, task.y_train, descent_of(unit, loss=task.loss))
        end = rebound(network, state.module)
    shares = task.y_train.double().mean(0)
    shares = torch.stack([shares[0], 1 - shares[0]]) if task.outputs == 1 else shares
    return {
        "samples": n,
        "predicted": value,
        "predicted_low": low,
        "predicted_high": high,
        "linearization": linear,
        "trained": 1 - accuracy(end(task.x_test), task.y_test, loss=task.loss),
        "trained_train": 1 - accuracy(end(task.x_train), task.y_train, loss=task.loss),
        "baselines": {
            "constant": 1 - float(shares.max()),
            "label_entropy": float(-(shares * shares.clamp_min(1e-300).log()).sum()),
            "linear_model": _linear_model_error(task),
            "trace": told.trace / n,
            "alignment": -told.alignment,
            "complexity": told.complexity,
        },
    }


def _linearization_error(anchor: Anchor, task: Task, *, ridge: float) -> float:
    """Test error of regression with the initial kernel, f0 taken into account, as `predict` has it."""
    K = anchor.gram.values.double()
    f0, f0_test = anchor.train_outputs.double(), anchor.test_outputs.double()
    rounding = rounding_of(anchor.gram.values)
    fit = KernelRegression(ridge=ridge * float(K.diagonal().mean())).fit(
        K, codes(task.y_train), f0, rounding=rounding
    )
    outputs = fit.predict(anchor.cross.double(), f0_test)
    return 1 - accuracy(outputs, task.y_test, loss=task.loss)


def _linear_model_error(task: Task) -> float:
    """Leave-one-out error of ridge regression on the flattened rows, centred, known before any training."""
    x = task.x_train.double().flatten(1)
    x, y = x - x.mean(0), codes(task.y_train)
    K = x @ x.mT
    fit = KernelRegression(ridge=LINEAR_RIDGE * float(K.diagonal().mean())).fit(K, y - y.mean(0))
    left_out: Tensor = fit.leave_one_out + y.mean(0)
    return 1 - accuracy(left_out, task.y_train, loss=task.loss)
