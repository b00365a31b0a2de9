"""diagnose: one network on one's data, before and after training: what its kernel says, and whether it stayed lazy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError
from tangentlab._seeds import generator
from tangentlab._shapes import expect_whole_number
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.learning.anchor import MOST_EIGENVALUES, kernel_flavour
from tangentlab.experiments.learning.fits import slowed
from tangentlab.experiments.learning.goal import Goal, goal_of
from tangentlab.experiments.learning.rebound import rebound
from tangentlab.experiments.prediction.builds import Builds
from tangentlab.experiments.prediction.diagnosis import Diagnosis
from tangentlab.experiments.prediction.predict import DEFAULT_ROWS, LEAST_ROWS, predict, random_order
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.networks import Network
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, take_rows, tensors_of
from tangentlab.probes import alignment, complexity, kernel_distance, spectrum, target_energy
from tangentlab.tangent import linearize
from tangentlab.training import (
    LOSSES,
    Descent,
    History,
    accuracy,
    stable_learning_rate,
    train,
    train_function_space,
)

_HELD_OUT = 0.3
_LEAST_HELD = 2
_POINTS = 60


def diagnose(
    model: Any,
    x: Inputs,
    y: Any,
    *,
    x_test: Inputs | None = None,
    y_test: Any = None,
    name: str | None = None,
    task: str = "the task",
    targets: str | None = None,
    samples: int | None = None,
    descent: Mapping[str, Any] | None = None,
    ridge: float | str = 1e-3,
    initialization: str = "lecun",
    dtype: str = "float32",
    memory: int | str | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Diagnosis:
    """Read a network's kernel, train it and its linearization alike, and tell what happened, on one page.

    Parameters
    ----------
    model, x, y, name, task, targets, ridge, initialization, dtype, memory: as in `predict`; a name or a builder is
        built for the one `seed`
    x_test, y_test: rows to try it on; default, up to 1000 rows are held out of x
    samples: training rows, default up to 1000
    descent: fields of a `Descent` without loss and seed, such as {"epochs": 30, "learning_rate": 0.05}
    progress: called with (parts done, parts)

    The given module is not touched: a copy is trained. One run is one run: the verdict is on it, its interval over test
    rows; `compare` runs several.

    >>> x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    >>> found = diagnose(torch.nn.Linear(3, 1), x, x[:, 0] > 0, descent={"epochs": 3})
    >>> found.regime, found.readings["kernel_distance"] < 1e-9          # a linear model is its linearization
    ('lazy', True)
    """
    x = check_inputs(x)
    if (x_test is None) != (y_test is None):
        raise ArgumentError(
            "y_test", expected="given with x_test", got="one alone", remedy="Give both, or neither."
        )
    builds = Builds.of(model, name=name, x=x, initialization=initialization, dtype=dtype)
    goal = goal_of(y, rows=count_rows(x), kind=targets, outputs=builds.outputs)
    rows = _Rows.of(x, goal, samples=samples, seed=seed, tests=x_test is None)
    if x_test is not None:
        x_test = check_inputs(x_test, name="x_test")
        rows = rows.tried_on(x_test, _like(goal, y_test, rows=count_rows(x_test), kind=targets))
    network = builds.points((seed,), shape=tuple(tensors_of(rows.x)[0][1].shape[1:]), goal=goal)[0]
    settings = ComparisonSpec.of(descent=descent or {}).descent.descent(loss=goal.loss, seed=seed)
    told = progress or (lambda done, total: None)
    prediction = predict(
        network,
        rows.x,
        _as_given(rows.goal),
        name=builds.name,
        task=task,
        targets=goal.kind,
        samples=len(rows.goal.codes),
        ridge=ridge,
        momentum=settings.momentum,
        memory=memory,
        seed=seed,
    )
    told(1, 4)
    flavour = kernel_flavour("auto", rows=len(rows.goal.codes), outputs=goal.outputs)
    kernel = NeuralTangentKernel(network, outputs=flavour, memory=memory)
    K, f0, f0_test = kernel(rows.x), network(rows.x), network(rows.x_test)
    used, warnings = slowed(settings, stable_learning_rate(K, **_rates(settings)), name="the linearization")
    linear = _linear(network, kernel, rows, K=K, f0=f0, f0_test=f0_test, descent=used)
    told(2, 4)
    state = train(network, rows.x, rows.goal.targets.to(f0), settings)
    told(3, 4)
    end = rebound(network, state.module)
    after = NeuralTangentKernel(end, outputs=flavour, memory=memory)(rows.x)
    outputs = {"network": (end(rows.x), end(rows.x_test)), "linearization": linear.outputs}
    start = float(network.space.norm(network.parameters))
    moved = (outputs["network"][1] - f0_test).double().norm()
    apart = (outputs["network"][1] - outputs["linearization"][1]).double().norm()
    readings = {
        "anchors": {
            where: _anchor(each, rows.goal.codes, settings) for where, each in (("init", K), ("end", after))
        },
        "learners": {who: _scored(each, rows) for who, each in outputs.items()},
        "difference": _difference(outputs, rows),
        "kernel_distance": kernel_distance(_shared(K), _shared(after)),
        "distance_travelled": state.distance,
        "relative_distance": state.distance / start if start else 0.0,
        "function_gap": float(apart / moved) if moved > 0 else 0.0,
        "parameters": network.space.size,
        "history": {"network": _history(state.history), "linearization": _history(linear.history)},
        "learning_rates": {"network": settings.learning_rate, "linearization": used.learning_rate},
        "descent": settings.to_dict(),
        "rows": len(rows.goal.codes),
        "test_rows": len(rows.tested.codes),
        "kernel_flavour": flavour if goal.outputs > 1 else "scalar",
    }
    told(4, 4)
    return Diagnosis(builds.name, task, prediction, readings, warnings)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Train and test rows with their goals."""

    x: Inputs
    goal: Goal
    x_test: Inputs
    tested: Goal

    @classmethod
    def of(cls, x: Inputs, goal: Goal, *, samples: int | None, seed: int, tests: bool) -> _Rows:
        available, device = count_rows(x), tensors_of(x)[0][1].device
        held = min(DEFAULT_ROWS, int(_HELD_OUT * available)) if tests else 0
        room = available - held
        if room < LEAST_ROWS or (tests and held < _LEAST_HELD):
            raise DataError(
                f"{available} row{'s' * (available != 1)} are too few: {LEAST_ROWS} are needed to train on"
                + (f", and {_LEAST_HELD} or more, {_HELD_OUT:.0%} of all, to test on." if tests else "."),
                remedy="Give more rows, or test rows of their own." if tests else "Give more rows.",
            )
        beside = f", what is left of {available} rows beside the test rows" if tests else ""
        n = expect_whole_number(
            "samples",
            min(room, DEFAULT_ROWS) if samples is None else samples,
            least=LEAST_ROWS,
            most=room,
            expected=f"a whole number from {LEAST_ROWS} to {room}{beside}",
            remedy=f"Try samples={min(room, DEFAULT_ROWS)}.",
        )
        order = random_order(goal, available, source=generator(seed, "diagnose rows"))
        first, last = order[: int(n)], order[available - held :]
        if goal.labels is not None and len(goal.labels[first].unique()) < 2:
            raise DataError(f"{n} rows hold one class only.", remedy="Ask for more samples.")
        return cls(
            take_rows(x, first.to(device)), goal.take(first), take_rows(x, last.to(device)), goal.take(last)
        )

    def tried_on(self, x_test: Inputs, tested: Goal) -> _Rows:
        """The same train rows with test rows of their own."""
        return _Rows(self.x, self.goal, x_test, tested)


@dataclass(frozen=True, eq=False)
class _Linear:
    outputs: tuple[Tensor, Tensor]
    history: History


def _linear(
    network: Network,
    kernel: NeuralTangentKernel,
    rows: _Rows,
    *,
    K: Tensor,
    f0: Tensor,
    f0_test: Tensor,
    descent: Descent,
) -> _Linear:
    """The linearization trained by the same descent: in function space where that is it exactly."""
    if descent.optimizer == "sgd" and (rows.goal.outputs == 1 or K.ndim == 4):
        state = train_function_space(K, f0, rows.goal.targets, descent)
        return _Linear((state.train_outputs, state.predict(kernel(rows.x_test, rows.x), f0_test)), state.history)
    trained = train(linearize(network), rows.x, rows.goal.targets.to(f0), descent)
    with torch.no_grad():
        found = tuple(trained.module(network.place(each)) for each in (rows.x, rows.x_test))
    return _Linear((found[0], found[1]), trained.history)


def _anchor(K: Tensor, codes: Tensor, descent: Descent) -> dict[str, Any]:
    """What a kernel says of the targets."""
    shared = _shared(K)
    spectral, energy = spectrum(shared), target_energy(shared, codes)
    kept = MOST_EIGENVALUES
    return {
        "trace": spectral.trace,
        "effective_rank": spectral.effective_rank,
        "top_share": float(spectral.top_shares[0]),
        "power_law_exponent": spectral.power_law_exponent,
        "spectrum": spectral.values[:kept].tolist(),
        "target_energy": energy.cumulative[:kept].tolist(),
        "alignment": vars(alignment(shared, codes)),
        "complexity": {name: float(value) for name, value in vars(complexity(shared, codes)).items()},
        "stable_learning_rate": stable_learning_rate(K, **_rates(descent)),
    }


def _scored(outputs: tuple[Tensor, Tensor], rows: _Rows) -> dict[str, float]:
    found = {}
    for part, f, goal in (("train", outputs[0], rows.goal), ("test", outputs[1], rows.tested)):
        f, y = f.double().cpu(), goal.targets
        found[f"{part}_loss"] = float(LOSSES[goal.loss].value(f, y))
        if goal.decides:
            found[f"{part}_error"] = 1 - accuracy(f, y, loss=goal.loss)
        else:
            found[f"{part}_error"] = float((f - y).square().mean() / (y - y.mean(0)).square().mean())
    return found


def _difference(outputs: dict[str, tuple[Tensor, Tensor]], rows: _Rows) -> dict[str, float]:
    """Test error of the network minus that of its linearization, with its standard error over test rows, paired."""
    goal, each = rows.tested, []
    for name in ("network", "linearization"):
        f = outputs[name][1].double().cpu()
        if not goal.decides:
            scale = (goal.targets - goal.targets.mean(0)).square().mean()
            each.append((f - goal.targets).square().mean(1) / scale)
        elif f.shape[1] == 1:
            each.append(((f > 0) != (goal.targets > 0.5))[:, 0].double())
        else:
            each.append((f.argmax(1) != goal.targets.argmax(1)).double())
    apart = each[0] - each[1]
    return {"value": float(apart.mean()), "standard_error": float(apart.std() / len(apart) ** 0.5)}


def _rates(descent: Descent) -> dict[str, Any]:
    return {
        "loss": descent.loss,
        "momentum": descent.momentum if descent.optimizer == "sgd" else 0.0,
        "nesterov": descent.nesterov,
        "weight_decay": descent.weight_decay,
    }


def _shared(K: Tensor) -> Tensor:
    return K if K.ndim == 2 else K.diagonal(dim1=2, dim2=3).mean(-1)


def _history(history: History) -> dict[str, list[float]]:
    """Means of the mini-batch losses over at most 60 equal stretches of steps, at the middle of each."""
    losses = np.array(history.loss)
    parts = np.array_split(np.arange(len(losses)), min(_POINTS, len(losses)))
    return {
        "step": [float(part.mean()) for part in parts],
        "loss": [float(losses[part].mean()) for part in parts],
    }


def _as_given(goal: Goal) -> Any:
    """Targets that `predict` reads as this goal again."""
    return goal.codes if goal.labels is None else goal.labels


def _like(goal: Goal, y: Any, *, rows: int, kind: str | None) -> Goal:
    """The goal of test rows: the same classes, or as many values."""
    if goal.labels is None:
        return goal_of(y, rows=rows, kind="values", outputs=goal.outputs)
    return goal_of(y, rows=rows, kind=kind or "classes", outputs=goal.outputs, classes=goal.classes)
