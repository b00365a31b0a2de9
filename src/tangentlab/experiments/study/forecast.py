"""How long a study will take, from a few measured seconds, before it starts.

Steps of descent and kernels are measured on the study's own networks and rows (kernels by their planner); dense
algebra is scaled from one product and one decomposition: 2 n k · PASSES · n operations for the top k eigenpairs, the
cube of n for all of them, n³/3 for a Cholesky factorization.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.machine.share import limited_threads
from tangentlab.experiments.study.study import Study
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.networks import Network
from tangentlab.training import Descent, train

PASSES = 6
"""Products with a block of k vectors that the top k eigenpairs take, about."""
_STEPS = 4
_ROWS = 400


@dataclass(frozen=True)
class StudyForecast:
    """Seconds of all units together on one worker, and those of the longest unit."""

    units: int
    seconds: float
    longest: float
    known: bool
    """Whether the study says what its units compute."""

    def elapsed(self, *, jobs: int) -> float:
        """Wall seconds on so many workers; never less than the longest unit.

        >>> StudyForecast(units=4, seconds=100.0, longest=40.0, known=True).elapsed(jobs=4)
        40.0
        """
        return max(self.seconds / max(1, min(jobs, self.units)), self.longest)


def forecast_study(study: Study, units: tuple[StudyUnit, ...], sources: Sources) -> StudyForecast:
    """Measure a few steps, a kernel's plan, a product and a decomposition, and scale them to all units.

    >>> from tangentlab.experiments.studies import STUDIES
    >>> forecast_study(STUDIES["spectrum"], (), Sources("digits")).seconds
    0.0
    """
    if study.work is None or not units:
        return StudyForecast(len(units), 0.0, 0.0, known=study.work is not None)
    with limited_threads(units[0].threads):
        product, decomposition, factorization = _algebra()
        measured: dict[str, tuple[float, float, float]] = {}
        found = []
        for unit in units:
            work = study.work(unit.settings)
            if unit.group not in measured:
                measured[unit.group] = _network(unit, sources, batch=work.batch)
            fixed, step, pair = measured[unit.group]
            found.append(
                work.steps * step
                + sum(fixed + n * m * pair for n, m in work.kernels)
                + sum(2 * s * min(work.batch, n) * n * product for s, n in work.span)
                + sum(_pairs(n, k, product, decomposition) for n, k in work.eigenpairs)
                + sum(n**3 * factorization for n in work.solves)
            )
    return StudyForecast(len(units), sum(found), max(found), known=True)


def _pairs(n: int, k: int, product: float, decomposition: float) -> float:
    return min(2 * PASSES * n * n * k * product, n**3 * decomposition)


def _algebra() -> tuple[float, float, float]:
    """Seconds for one operation of a product, for n³ = 1 of an eigendecomposition and of a Cholesky one, float64."""
    n, generator = 512, torch.Generator().manual_seed(0)
    a = torch.randn(n, n, generator=generator, dtype=torch.float64)
    k = a @ a.mT / n + torch.eye(n, dtype=torch.float64)
    product = _timed(lambda: a @ a) / (2 * n**3)
    return product, _timed(lambda: torch.linalg.eigh(k)) / n**3, _timed(lambda: torch.linalg.cholesky(k)) / n**3


def _network(unit: StudyUnit, sources: Sources, *, batch: int) -> tuple[float, float, float]:
    """Fixed seconds of a kernel, seconds of a step, and of a pair of rows."""
    x = _rows(unit, sources)
    model = sources.model(str(unit["network"]), unit, shape=tuple(x.shape[1:]), outputs=1, seed=0)
    size = min(batch, len(x))
    descent = Descent(loss="bce", learning_rate=1e-6, batch_size=size, epochs=_STEPS, schedule="constant")
    y = (torch.arange(size) % 2).to(x.dtype)[:, None]
    step = _timed(lambda: train(model, x[:size], y, descent)) / _STEPS
    plan = NeuralTangentKernel(Network(model, mode="eval"), outputs=0, memory=unit["memory"] or None).plan(x)
    return plan.check_seconds, step, (plan.seconds - plan.check_seconds) / len(x) ** 2


def _rows(unit: StudyUnit, sources: Sources) -> Tensor:
    if not unit["data"]:
        return torch.randn(_ROWS, int(unit["dimension"]), generator=torch.Generator().manual_seed(0))
    return sources.loaded.x[:_ROWS]


def _timed(run: Callable[[], object]) -> float:
    """Seconds of a second call."""
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
