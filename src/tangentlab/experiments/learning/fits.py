"""What each learner gives on a task: its outputs on train and test rows, and how they were come by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from tangentlab.experiments.learning.anchor import Anchor, mean_diagonal
from tangentlab.experiments.learning.targets import codes
from tangentlab.tangent import linearize
from tangentlab.tasks import Task
from tangentlab.training import LOSSES, Descent, KernelRegression, accuracy, train, train_function_space

SAFETY = 0.9
"""Share of the largest stable learning rate that a descent too fast for its kernel is slowed to."""

RIDGES = tuple(10.0**k for k in range(-7, 3))
"""Shares of the mean diagonal among which leave-one-out chooses."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Outputs (n, c) and (m, c) of a learner, readings of its own, and sentences on what to know about them.

    >>> import torch
    >>> Fit(torch.zeros(2, 1), torch.zeros(1, 1)).warnings
    ()
    """

    train_outputs: Tensor
    test_outputs: Tensor
    readings: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def assess(fit: Fit, task: Task) -> dict[str, Any]:
    """Loss and accuracy on both parts, the loss being that of the task for every learner.

    >>> from tangentlab.tasks import parity
    >>> task = parity(2, dimension=4, samples=8, test_samples=4)
    >>> assess(Fit(10 * codes(task.y_train), 0 * task.y_test), task)["train_accuracy"]
    1.0
    """
    loss, found = LOSSES[task.loss], {}
    for part, f, y in (("train", fit.train_outputs, task.y_train), ("test", fit.test_outputs, task.y_test)):
        f, y = f.double(), y.double().to(f.device)
        found[f"{part}_loss"] = loss.value(f, y).item()
        found[f"{part}_accuracy"] = accuracy(f, y, loss=task.loss)
    return found | fit.readings


def fit_linearization(anchor: Anchor, task: Task, descent: Descent, *, centred: bool, name: str) -> Fit:
    """The linearization at an anchor trained by the descent, in function space where that is exact.

    A kernel that training has inflated can make the descent unstable. Then only its learning rate is lowered, to
    0.9 of the largest stable one, and both rates are kept. Adam leaves the span of Jᵀ, and a kernel averaged over
    several outputs is not that of the linearization: then the linearized module itself is trained.
    """
    used, warnings = slowed(descent, anchor.stable_rate(descent), name=name)
    readings: dict[str, Any] = {"centred": centred, "learning_rate": used.learning_rate}
    exact = task.outputs == 1 or anchor.gram.values.ndim == 4
    if descent.optimizer == "sgd" and exact:
        f0, f0_test = (None, None) if centred else (anchor.train_outputs, anchor.test_outputs)
        trained = train_function_space(anchor.gram.values, f0, task.y_train, used)
        outputs, distance = (trained.train_outputs, trained.predict(anchor.cross, f0_test)), trained.distance
        readings["space"] = "functions"
    else:
        state = train(linearize(anchor.network, centred=centred), task.x_train, task.y_train, used)
        with torch.no_grad():
            outputs = tuple(state.module(x) for x in (task.x_train, task.x_test))
        distance = state.distance
        readings["space"] = "parameters"
    return Fit(*outputs, readings=readings | {"distance": distance}, warnings=warnings)


def slowed(descent: Descent, bound: float, *, name: str) -> tuple[Descent, tuple[str, ...]]:
    """The descent, or where its rate is at or above `bound`, the largest stable one, 0.9 of that and a warning.

    >>> slowed(Descent(learning_rate=0.1), 0.2, name="linear-init")[1]
    ()
    >>> slowed(Descent(learning_rate=0.5), 0.2, name="linear-init")[0].learning_rate
    0.18000000000000002
    """
    if descent.optimizer != "sgd" or descent.learning_rate < bound:
        return descent, ()
    told = (
        f"{name}: the learning rate of the descent, {descent.learning_rate:g}, is above the largest that is stable "
        f"for its kernel; it was trained with {SAFETY:g} of that one."
    )
    return replace(descent, learning_rate=SAFETY * bound), (told,)


def fit_ridge(anchor: Anchor, task: Task, *, ridge: float | str, centred: bool) -> Fit:
    """Kernel regression of the codes (y − f0 unless centred) with the kernel at an anchor."""
    starts = (None, None) if centred else (anchor.train_outputs, anchor.test_outputs)
    return fit_kernel_regression(anchor.gram.values, anchor.cross, task, ridge=ridge, starts=starts)


def fit_kernel_regression(
    K: Tensor,
    cross: Tensor,
    task: Task,
    *,
    ridge: float | str,
    starts: tuple[Tensor | None, Tensor | None] = (None, None),
) -> Fit:
    """Kernel regression of the codes with a ridge relative to the mean diagonal; `starts` are f0 of train and test.

    "leave-one-out" chooses the ridge with the least exact leave-one-out error on the training rows.
    """
    y, (f0, f0_test) = codes(task.y_train), starts
    unit = mean_diagonal(K)
    if isinstance(ridge, str):
        path = KernelRegression(ridge=RIDGES[0] * unit).fit(K, y, f0).path(r * unit for r in RIDGES)
        absolute = path.best_ridge
    else:
        absolute = ridge * unit
    fit = KernelRegression(ridge=absolute).fit(K, y, f0)
    train_outputs, test_outputs = fit.predict(K, f0), fit.predict(cross, f0_test)
    return Fit(
        train_outputs,
        test_outputs,
        readings={
            "centred": f0 is None,
            "ridge": absolute,
            "relative_ridge": absolute / unit if unit else 0.0,
            "condition": _size(fit.solution.condition),
            "residual": _size(fit.solution.residual),
            "train_mse": (train_outputs - y).square().mean().item(),
            "test_mse": (test_outputs - codes(task.y_test)).square().mean().item(),
        },
    )


def _size(estimate: float) -> float:
    """An estimate to the two digits that mean something; LAPACK's last ones vary with the place in memory."""
    return float(f"{estimate:.2g}")
