"""Risk of kernel regression before it is measured: cross-validation over ridges, and a learning curve from a spectrum.

Both are computed from the Gram of the training rows alone and held against test rows that neither has seen:

    gcv        (1/n) Σ (y − ŷ)² / ((1/n) tr ridge (K + ridge I)⁻¹)²        at each ridge, a share of n times the mean
               diagonal, against the test error of the same fit
    curve      the expected error on rows outside of n of the N, from eigenvalues and target energies (`predict_risk`),
               against fits on random subsets of n rows
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tangentlab._seeds import generator
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.anchor import Anchor, mean_diagonal
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.targets import codes
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work
from tangentlab.experiments.study_parts.on_device import model_of, task_of
from tangentlab.experiments.study_parts.own_tasks import tasks_there, with_rows_there
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.networks import Network
from tangentlab.probes import predict_risk
from tangentlab.training import KernelRegression

CURVE_RIDGE = 1e-3
"""Of the learning curve, as a share of the kernel's mean diagonal: the same absolute ridge at every size."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed."""
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """A Gram and its cross kernel, one decomposition, and a factorization for each ridge and subset."""
    n, m = settings["samples"], settings["test_samples"]
    sizes = [min(size, n) for size in settings["sizes"]]
    solves = (n,) * len(settings["ridges"]) + tuple(sizes) * settings["subsets"]
    return Work(kernels=((n, n), (m, n)), double=True, eigenpairs=((n, n),), solves=solves)


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """What was foretold and what was measured, over ridges and over sizes; errors are squared, of codes ±1."""
    clock, data = Clock(), sources.loaded
    (name,) = tasks_there([unit["task"]], data)
    unit = with_rows_there(unit, data, tasks=[name])
    task = task_of(unit, sources.task(name, unit, samples=unit["samples"], seed=unit["seed"]))
    model = model_of(unit, sources, shape=task.shape, outputs=task.outputs)
    with clock.part("kernel"):
        network = Network(model, mode="eval").to(dtype=torch.float64)
        anchor = Anchor.at(network, task, kernel="mean", memory=unit["memory"] or None)
    K, cross = anchor.gram.values.double(), anchor.cross.double()
    y, y_test = (codes(part) for part in (task.y_train, task.y_test))
    n, scale = len(K), mean_diagonal(K)
    with clock.part("ridges"):
        gcv, tested = [], []
        for share in unit["ridges"]:
            fit = KernelRegression(ridge=share * n * scale).fit(K, y, anchor.train_outputs)
            gcv.append(fit.gcv)
            tested.append(_mse(fit.predict(cross, anchor.test_outputs), y_test))
    sizes = [size for size in unit["sizes"] if size < n] or [n // 2]
    residual = y - anchor.train_outputs.double()
    ridge = CURVE_RIDGE * scale
    with clock.part("curve"):
        risk = predict_risk(K, residual, samples=sizes, ridge=ridge)
        measured = [
            _subset_error(K, cross, residual, y_test - anchor.test_outputs.double(), size, ridge=ridge, unit=unit)
            for size in sizes
        ]
    readings = {
        "rows": n,
        "test_rows": len(y_test),
        "task": task.name,
        "ridges": {"share": list(unit["ridges"]), "gcv": gcv, "test_mse": tested},
        "curve": {"samples": sizes, "predicted": [float(v) for v in risk.held_out_mse], "measured": measured},
        "constant_mse": _mse(y.mean(0).expand_as(y_test), y_test),
    }
    return Findings(readings, clock.seconds)


def _subset_error(
    K: Tensor, cross: Tensor, y: Tensor, y_test: Tensor, size: int, *, ridge: float, unit: StudyUnit
) -> float:
    """The mean test error of regressions on random rows, `size` of them, over the unit's number of subsets."""
    errors = []
    for draw in range(unit["subsets"]):
        rows = torch.randperm(len(K), generator=generator(unit["seed"], "risk", size, draw))[:size].to(K.device)
        fit = KernelRegression(ridge=ridge).fit(K[rows][:, rows], y[rows])
        errors.append(_mse(fit.predict(cross[:, rows]), y_test))
    return sum(errors) / len(errors)


def _mse(f: Tensor, y: Tensor) -> float:
    return float((f.double() - y.double()).square().mean())
