"""A network and a task, taken up from more and more training rows.

Fewer rows are the first of more rows, so that Θ_0, the kernel of infinite width and that of the network trained on a
constant number of rows are computed once, on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tangentlab._errors import NetworkError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.anchor import Anchor
from tangentlab.experiments.learning.infinite import closed_form_within
from tangentlab.experiments.learning.rebound import rebound
from tangentlab.experiments.learning.targets import codes
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.on_device import model_of, task_of
from tangentlab.experiments.study_parts.protocol import descent_of
from tangentlab.experiments.study_parts.ridge_rules import error_rates, kernel_errors
from tangentlab.kernels import InfiniteWidthNetwork
from tangentlab.networks import Network
from tangentlab.tasks import Task
from tangentlab.training import Descent, TrainingState, train

MOST_DOUBLE = 4000
"""Rows up to which kernels are computed in float64, whatever the precision of the network."""

Errors = dict[str, Any]
Kernels = tuple[Tensor, Tensor]
"""Among the training rows (n, n), and between test and training rows (m, n)."""


def epochs_on(settings: Mapping[str, Any], *, samples: int) -> int:
    """Epochs until `examples` rows were read, from one to `most_epochs`.

    >>> [epochs_on({"examples": 1000, "most_epochs": 50}, samples=n) for n in (10, 100, 300, 5000)]
    [50, 10, 3, 1]
    """
    return max(1, min(settings["most_epochs"], settings["examples"] // samples))


def first_rows(task: Task, rows: int) -> Task:
    """The task with its first training rows alone.

    >>> from tangentlab.tasks import parity
    >>> first_rows(parity(2, dimension=4, samples=8, test_samples=4), 6).x_train.shape
    torch.Size([6, 4])
    """
    return replace(task, x_train=task.x_train[:rows], y_train=task.y_train[:rows])


@dataclass(frozen=True, eq=False)
class Contest:
    """A network at its start, and a task of one output with all its training rows, on the unit's device."""

    unit: StudyUnit
    sources: Sources
    task: Task

    @classmethod
    def of(cls, unit: StudyUnit, sources: Sources, task: Task) -> Contest:
        """A unit's contest on a task, which is moved to the unit's device."""
        return cls(unit, sources, task_of(unit, task))

    @cached_property
    def initial(self) -> Network:
        """The unit's network before training."""
        return Network(model_of(self.unit, self.sources, shape=self.task.shape), mode="eval")

    @cached_property
    def start(self) -> Anchor:
        """The network before training, with Θ_0."""
        return self.anchor(self.initial, self.task)

    @cached_property
    def constant(self) -> Anchor:
        """The network after training on the first `constant_samples` rows, with Θ_T(m)."""
        state = self.train(first_rows(self.task, self.unit["constant_samples"]))
        return self.anchor(rebound(self.initial, state.module), self.task)

    @cached_property
    def closed_form(self) -> InfiniteWidthNetwork | str:
        """The network at infinite width; or the sentence that says why it has none, or none within the budget."""
        unit, rows = self.unit, len(self.task.x_train)
        return closed_form_within(
            unit["network"],
            unit,
            self.sources,
            most=unit["most_covariances"],
            model=self.initial,
            shape=self.task.shape,
            pairs=rows * (rows + 1) // 2 + rows * len(self.task.x_test),
        )

    @cached_property
    def infinite(self) -> Kernels:
        """Θ_∞ on all rows."""
        if isinstance(self.closed_form, str):
            raise NetworkError(self.closed_form, remedy="Leave out the learner 'infinite'.")
        x, x_test, memory = self.task.x_train.double(), self.task.x_test.double(), self.unit["memory"] or None
        return self.closed_form.ntk(x, memory=memory), self.closed_form.ntk(x_test, x, memory=memory)

    def anchor(self, network: Network, task: Task) -> Anchor:
        """A network with its kernel among the training rows of a task and between test and training rows."""
        if len(self.task.x_train) <= MOST_DOUBLE:
            network = network.to(dtype=torch.float64)
        return Anchor.at(network, task, kernel="mean", memory=self.unit["memory"] or None)

    def train(self, task: Task) -> TrainingState:
        """The network after the descent on a task's training rows."""
        return train(self.initial, task.x_train, task.y_train, self.descent(len(task.x_train)))

    def descent(self, samples: int) -> Descent:
        """The unit's descent on so many rows."""
        epochs = epochs_on(self.unit.settings, samples=samples)
        return descent_of(self.unit, optimizer=self.unit["optimizer"], epochs=epochs)


@dataclass(frozen=True, eq=False)
class Round:
    """A contest on the first `rows` training rows."""

    contest: Contest
    rows: int

    @cached_property
    def task(self) -> Task:
        """With these rows alone."""
        return first_rows(self.contest.task, self.rows)

    @cached_property
    def trained(self) -> TrainingState:
        """The network after training on these rows."""
        return self.contest.train(self.task)

    @cached_property
    def end(self) -> Network:
        """The trained network, read as the initial one was."""
        return rebound(self.contest.initial, self.trained.module)

    def part(self, anchor: Anchor) -> Anchor:
        """An anchor on all rows, cut down to these."""
        n = self.rows
        return replace(
            anchor,
            gram=replace(anchor.gram, values=anchor.gram.values[:n, :n]),
            cross=anchor.cross[:, :n],
            train_outputs=anchor.train_outputs[:n],
        )

    def regress(self, K: Tensor, cross: Tensor) -> Errors:
        """Errors of a kernel on these rows or on all, cut down to these, under both ridge rules."""
        n, y, y_test = self.rows, codes(self.task.y_train), codes(self.task.y_test)
        return kernel_errors(K[:n, :n], cross[:, :n], y, y_test, seed=self.contest.unit["seed"])

    def rates(self, train_outputs: Tensor, test_outputs: Tensor) -> Errors:
        """Errors of outputs on both parts."""
        return error_rates(train_outputs, codes(self.task.y_train), test_outputs, codes(self.task.y_test))
