"""Seconds of a unit's own network: of a step of its descent and of its kernels, at any size, from a few measured."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab.experiments.inputs.sources import Model, Sources
from tangentlab.experiments.learning.infinite import closed_form_within
from tangentlab.experiments.machine.compute_device import model_on, present_device
from tangentlab.experiments.study.rates import Algebra, epoch_seconds, timed
from tangentlab.experiments.study.study import DEVICE
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.kernels.plan import Plan, count_rows_made, count_tiles
from tangentlab.networks import Network
from tangentlab.training import Descent, train

MOST_ROWS = 1024
"""Of a kernel that is planned: those of the largest tile."""

_INFINITE_ROWS = 128
_FORWARD_ROWS = 256


@dataclass(frozen=True, eq=False)
class NetworkRates:
    """The network of a unit, on rows like those of its work."""

    unit: StudyUnit
    sources: Sources
    model: Model
    x: Tensor
    plan: Plan
    row: float
    """Seconds of an output."""
    steps: dict[int, float]
    """Rows of a step to its seconds."""

    @classmethod
    def measured(cls, unit: StudyUnit, sources: Sources, work: Work) -> NetworkRates:
        """A step at each size of batches; a kernel's plan and an output, in the precision of the unit's kernels."""
        x = _rows(work, sources)
        model = sources.model(str(unit["network"]), unit, shape=tuple(x.shape[1:]), outputs=1, seed=0)
        model = model_on(present_device(unit.settings.get("device") or DEVICE), model)
        network = Network(model, mode="eval")
        exact = network.to(dtype=torch.float64) if work.double else network
        plan = NeuralTangentKernel(exact, outputs=0, memory=unit["memory"] or None).plan(x)
        sizes = {batch for _, batch in work.descents}
        few = x[:_FORWARD_ROWS]
        row = timed(lambda: exact(few)) / len(few)
        return cls(unit, sources, model, x, plan, row, {size: _step(model, x, size) for size in sizes})

    def covers(self, work: Work) -> bool:
        """Whether all batches of some work were measured."""
        return {batch for _, batch in work.descents} <= self.steps.keys()

    def seconds(self, work: Work, algebra: Algebra) -> float:
        """Of what a network does in some work."""
        return (
            sum(steps * self.steps[batch] for steps, batch in work.descents)
            + sum(self.kernel(n, m) for n, m in work.kernels)
            + work.outputs * self.row
            + (self._infinite(work, algebra) if work.infinite else 0.0)
        )

    def kernel(self, n: int, m: int) -> float:
        """Of a kernel of n × m rows; a Gram where they are as many."""
        plan, same = self.plan, n == m
        block = min(plan.block, max(n, m))
        _, pairs = count_tiles(n, m, symmetric=same, block=block)
        made = count_rows_made(n, m, symmetric=same, block=block, kept=plan.kept_blocks)
        counted = plan.check_seconds + plan.rows_made * plan.row_seconds + plan.pairs * plan.pair_seconds
        writing = (plan.seconds - counted) / plan.pairs
        return plan.check_seconds + made * plan.row_seconds + pairs * (plan.pair_seconds + writing)

    def _infinite(self, work: Work, algebra: Algebra) -> float:
        """Of the kernels of infinite width, and what is solved with them; nothing where they are left out."""
        shape, pairs = (
            tuple(self.x.shape[1:]),
            sum(n * (n + 1) // 2 if n == m else n * m for n, m in work.infinite),
        )
        network = closed_form_within(
            str(self.unit["network"]),
            self.unit,
            self.sources,
            most=work.most_covariances,
            model=self.model,
            shape=shape,
            pairs=pairs,
        )
        if isinstance(network, str):
            return 0.0
        x = self.x[:_INFINITE_ROWS].double().to(present_device(self.unit.settings.get("device") or DEVICE))
        once = timed(lambda: network.ntk(x, x.clone())) / len(x) ** 2
        return pairs * once + sum(algebra.factorization.at(n) for n in work.infinite_solves)


def _step(model: Model, x: Tensor, batch: int) -> float:
    """Seconds of a step of so many rows."""
    size = min(batch, len(x))
    y = (torch.arange(size) % 2).to(x.dtype)[:, None]

    def descend(epochs: int) -> None:
        descent = Descent(
            loss="bce", learning_rate=1e-6, batch_size=size, epochs=epochs, schedule="constant", momentum=0.9
        )
        train(model, x[:size], y, descent)

    return epoch_seconds(descend)


def _rows(work: Work, sources: Sources) -> Tensor:
    """As many rows as a plan takes: the first of the data, again and again where they are few."""
    wanted = min(MOST_ROWS, max((max(shape) for shape in work.kernels), default=MOST_ROWS))
    if work.shape:
        return torch.randn(wanted, *work.shape, generator=torch.Generator().manual_seed(0))
    x = sources.loaded.x[:wanted]
    return x.repeat(-(-wanted // len(x)), *[1] * (x.ndim - 1))[:wanted]
