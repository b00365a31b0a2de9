"""What a learner of a study has learnt of a task: the network, and linearizations by the same descent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from tangentlab.experiments.inputs.sources import Model
from tangentlab.experiments.learning.fits import Fit, assess, slowed
from tangentlab.experiments.learning.rebound import rebound
from tangentlab.experiments.study_parts.anchored_pool import AnchoredPool
from tangentlab.networks import Network
from tangentlab.probes.steps_to_loss import steps_to_loss
from tangentlab.tasks import Task
from tangentlab.training import Descent, History, balanced_accuracy, train, train_function_space_many


@dataclass(frozen=True, eq=False)
class Learnt:
    """Outputs (n, 1) and (m, 1), the loss of every step, and how far the parameters went."""

    train_outputs: Tensor
    test_outputs: Tensor
    history: History
    distance: float
    module: nn.Module | None = None
    """The trained network; None for a linearization, which is known by its outputs alone."""
    warnings: tuple[str, ...] = ()

    def readings(self, task: Task, descent: Descent, *, levels: Sequence[float] = ()) -> dict[str, Any]:
        """Losses, accuracies (plain and balanced over classes), distance, rate, and steps to loss levels.

        Steps are counted to the end of the first eighth of an epoch, at any place, whose mean loss is at or below the
        level; None where none is.
        """
        window = max(1, descent.steps_per_epoch(rows=len(task.y_train)) // 8)
        return {
            **assess(Fit(self.train_outputs, self.test_outputs), task),
            "balanced_accuracy": balanced_accuracy(self.test_outputs, task.y_test),
            "distance": self.distance,
            "learning_rate": max(self.history.learning_rate),
            "steps": {f"{level:g}": steps_to_loss(self.history, level, window=window).steps for level in levels},
        }


def learn_network(model: Model, task: Task, descent: Descent) -> Learnt:
    """The network itself, trained by the descent from the weights it has."""
    state = train(model, task.x_train, task.y_train, descent)
    end = rebound(Network(model, mode="eval"), state.module)
    return Learnt(end(task.x_train), end(task.x_test), state.history, state.distance, state.module)


def learn_linearizations(
    anchor: AnchoredPool, tasks: Sequence[Task], descent: Descent, *, name: str = "linearization"
) -> list[Learnt]:
    """The linearization at an anchor, trained on each task by the descent, on the batches that a network sees.

    A descent too fast for the kernel is slowed (see `slowed`); `name` is what the warning calls the learner.
    """
    used, warnings = slowed(descent, anchor.stable_rate(descent), name=name)
    states = train_function_space_many(anchor.K, anchor.f0, [task.y_train for task in tasks], [used])
    return [
        Learnt(
            state.train_outputs,
            state.predict(anchor.K_test, anchor.f0_test),
            state.history,
            state.distance,
            warnings=warnings,
        )
        for state in states
    ]
