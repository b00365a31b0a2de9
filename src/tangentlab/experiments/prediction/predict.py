"""predict: what a network's linearization will reach, stated before any training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError, DataError
from tangentlab._seeds import generator, numpy_generator
from tangentlab.data import stratified_order
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.learning.fits import RIDGES, SAFETY
from tangentlab.experiments.learning.goal import Goal, goal_of
from tangentlab.experiments.prediction.builds import Builds
from tangentlab.experiments.prediction.calibration import read_calibration
from tangentlab.experiments.prediction.initial_point import InitialPoint, initial_point
from tangentlab.experiments.prediction.prediction import Band, Prediction
from tangentlab.kernels import Gram
from tangentlab.linalg import expect_ridge
from tangentlab.networks.inputs import Inputs, check_inputs, count_rows, take_rows, tensors_of
from tangentlab.probes import alignment, complexity, spectrum
from tangentlab.training import LOSSES, Errors, SubsetCurve, stable_learning_rate

DEFAULT_ROWS = 1000
LEAST_ROWS = 4
"""That a prediction, or a diagnosis, is made from."""
DRAWS = 1000
LEVEL = 0.95
_HALVINGS = 5
_FITTED = 0.1


def predict(
    model: Any,
    x: Inputs,
    y: Any,
    *,
    name: str | None = None,
    task: str = "the task",
    targets: str | None = None,
    samples: int | Iterable[int] | None = None,
    seeds: int | Iterable[int] = 3,
    ridge: float | str = 1e-3,
    centred: bool = False,
    momentum: float = 0.9,
    splits: int = 20,
    initialization: str = "lecun",
    dtype: str = "float32",
    memory: int | str | None = None,
    gram: Gram | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """State before any training how a network's linearization will learn a task, from its initial tangent kernel.

    Parameters
    ----------
    model: a name ("mlp", "lenet:activation=gelu", "package.module:build"), a builder, or a module or Network as it
        stands; builders and names are built for each of `seeds`, the others have one point to speak for
    x, y: rows and their targets; classes (labels of any kind, 0/1, one-hot rows) or real values, see `targets`
    targets: "classes" or "values", where y could be either
    samples: training sizes to speak of; one number stands for it and its halves. The kernel is computed on as many
        rows as the largest, default up to 1000, drawn with the shares of the classes
    ridge: of the kernel regression that ends the linearization's training, a share of the kernel's mean diagonal as in
        `compare`, or "gcv" for the one with the least expected error at each size
    centred: leave out the network's initial outputs, and regress the targets themselves
    momentum: of the descent that learning rate and steps are told for
    splits: random subsets for each size
    initialization, dtype, memory: of networks that are named, as in `compare`; of the kernel
    gram: the mean kernel of a module or Network on the rows x, for one that has it already: many tasks on the same rows
        need it once
    seed: of the rows and subsets; predictions on the same rows with one seed can be ranked (`rank_predictions`)
    progress: called with (initializations done, initializations)

    Every size n below all rows is learnt from n random rows and tried on the others, many times; at all rows each is
    left out in turn, for decisions together with one of every other class (`subset_curve` says why). That is unbiased
    for kernel regression with the kernel used. Where the kernel is constant on the rows, and so are the initial
    outputs, the linearization answers all alike: `informed` is False and the error that of chance. Networks of several
    outputs use their mean kernel for all of them. Costs a kernel, a decomposition O(N³) and `splits` solves a size for
    each seed.

    >>> x = torch.eye(4).repeat(6, 1)                       # four points, seen again and again: everything is learnt
    >>> found = predict(torch.nn.Linear(4, 1), x, [0, 1, 1, 0] * 6, samples=24, ridge=1e-6)
    >>> found.error.value.tolist()[-1], found.constant_error, found.samples.tolist()
    (0.0, 0.5, [12, 24])
    """
    x = check_inputs(x)
    available = count_rows(x)
    builds = Builds.of(model, name=name, x=x, initialization=initialization, dtype=dtype)
    goal = goal_of(y, rows=available, kind=targets, outputs=builds.outputs)
    if gram is not None:
        _expect_gram(gram, rows=available, anchored=builds.anchored)
    sizes = _sizes(samples, available=available, goal=goal)
    total = max(sizes)
    if isinstance(ridge, str) and ridge != "gcv":
        raise ArgumentError(
            "ridge", expected="a share of the mean diagonal, or 'gcv'", got=ridge, remedy="Try 1e-3."
        )
    if not isinstance(ridge, str):
        expect_ridge(ridge)
    order = random_order(goal, available, source=generator(seed, "predict rows"))[:total]
    x, goal = take_rows(x, order.to(tensors_of(x)[0][1].device)), goal.take(order)
    if goal.labels is not None and len(goal.labels.unique()) < 2:
        raise DataError(f"{total} rows hold one class only.", remedy="Ask for more samples.")
    points = builds.points(_seeds(seeds), shape=tuple(tensors_of(x)[0][1].shape[1:]), goal=goal)
    found = []
    for done, network in enumerate(points):
        found.append(
            initial_point(
                network,
                x,
                goal,
                sizes=sizes,
                ridge=ridge,
                centred=centred,
                splits=splits,
                memory=memory,
                gram=None if gram is None else _on_rows(gram, order),
                seed=seed,
            )
        )
        if progress is not None:
            progress(done + 1, len(points))
    return _composed(
        found,
        goal,
        network=builds.name,
        task=task,
        ridge=ridge,
        momentum=momentum,
        seeds=() if builds.anchored else _seeds(seeds),
        seed=seed,
    )


def _composed(
    found: list[InitialPoint],
    goal: Goal,
    *,
    network: str,
    task: str,
    ridge: float | str,
    momentum: float,
    seeds: tuple[int, ...],
    seed: int,
) -> Prediction:
    grams = [each.gram for each in found]
    rates = [stable_learning_rate(gram.values, loss=goal.loss, momentum=momentum) for gram in grams]
    curvature = LOSSES[goal.loss].curvature
    steps = [
        each.speed.time_to(_FITTED) * (1 - momentum) / (SAFETY * rate * curvature)
        for each, rate in zip(found, rates)
    ]
    spectra = [spectrum(gram.values) for gram in grams]
    curves = [each.curve for each in found]
    mse, mse_draws = _banded(curves, [curve.mse for curve in curves], network=network, seed=seed)
    error = draws = None
    told = [curve.error for curve in curves if curve.error is not None]
    if goal.decides:
        error, draws = _banded(curves, told, network=network, seed=seed)
    shares = (
        goal.targets.mean(0) if goal.outputs > 1 else torch.stack([goal.targets.mean(), 1 - goal.targets.mean()])
    )
    return Prediction(
        network=network,
        task=task,
        goal=goal.kind,
        classes=goal.classes,
        loss=goal.loss,
        rows=len(goal.codes),
        seeds=seeds,
        ridge=ridge,
        samples=curves[0].samples,
        mse=mse,
        error=error,
        spectrum_mse=np.mean([each.spectrum_mse for each in found], 0),
        ridges=np.mean([curve.ridges for curve in curves], 0),
        constant_mse=float((goal.codes - goal.codes.mean(0)).square().mean()),
        constant_error=1 - float(shares.max()) if goal.decides else None,
        ridge_shares=np.array(RIDGES),
        gcv=np.mean([each.gcv for each in found], 0),
        momentum=momentum,
        stable_learning_rate=float(np.mean(rates)),
        steps=float(np.mean(steps)),
        trace=float(np.mean([each.trace for each in spectra])),
        effective_rank=float(np.mean([each.effective_rank for each in spectra])),
        alignment=float(np.mean([alignment(gram.values, goal.codes).trace_normalized for gram in grams])),
        complexity=float(np.mean([complexity(gram.values, goal.codes).normalized for gram in grams])),
        kernel=grams[0].description,
        outputs=goal.outputs,
        draws=mse_draws if draws is None else draws,
        informed=all(each.informed for each in found),
        calibration=read_calibration(),
    )


def _banded(
    curves: list[SubsetCurve], errors: list[Errors], *, network: str, seed: int
) -> tuple[Band, np.ndarray]:
    """The mean over initializations with its band, and draws of it for other rows and another initialization."""
    means = np.stack([curve.mean(each) for curve, each in zip(curves, errors)])
    draws = np.mean([curve.sampled(each, draws=DRAWS) for curve, each in zip(curves, errors)], 0)
    count = len(curves)
    if count > 1:
        other = numpy_generator(seed, "predict initialization", network).standard_normal((DRAWS, 1))
        draws = draws + other * means.std(0, ddof=1) * np.sqrt(1 + 1 / count)
    draws = np.maximum(draws, 0.0)
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    value = means.mean(0)
    return Band(value, np.minimum(low, value), np.maximum(high, value)), draws


def _sizes(samples: int | Iterable[int] | None, *, available: int, goal: Goal) -> list[int]:
    """Sizes in order, each at most all rows; one number, or none, stands for it and its halves."""
    if available < LEAST_ROWS:
        raise DataError(
            f"{available} row{'s' * (available != 1)} are too few to speak of: {LEAST_ROWS} are the least.",
            remedy="Give more rows.",
        )
    default = min(available, DEFAULT_ROWS)
    given: Any = default if samples is None else samples
    single = isinstance(given, str) or not isinstance(given, Iterable)
    asked: list[Any] = [given] if single else list(given)
    whole = [n for n in asked if isinstance(n, (int, np.integer)) and not isinstance(n, bool)]
    bad = [n for n in asked if n not in whole or not LEAST_ROWS <= n <= available]
    if bad or not asked:
        many = bad and bad[0] in whole and bad[0] > available
        raise ArgumentError(
            "samples",
            expected=f"whole numbers from {LEAST_ROWS} to the {available} rows given",
            got=repr(bad[0]) if bad else "none",
            remedy="Ask for fewer, or give more rows." if many else f"Try samples={default}.",
        )
    if not single:
        return sorted({int(n) for n in asked})
    top, least = int(asked[0]), max(10, 2 * len(goal.classes))
    return sorted({top, *(n for n in (top // 2**k for k in range(1, _HALVINGS + 1)) if n >= least)})


def random_order(goal: Goal, rows: int, *, source: torch.Generator) -> Tensor:
    """A random order of the rows of a goal; of classes one in which every beginning keeps their shares.

    >>> random_order(goal_of([0, 1, 0, 1]), 4, source=torch.Generator().manual_seed(0)).sort().values.tolist()
    [0, 1, 2, 3]
    """
    if goal.labels is None:
        return torch.randperm(rows, generator=source)
    return stratified_order(goal.labels, generator=source)


def _seeds(seeds: int | Iterable[int]) -> tuple[int, ...]:
    return ComparisonSpec.of(seeds=seeds).seeds


def _expect_gram(gram: Gram, *, rows: int, anchored: bool) -> None:
    if not anchored or tuple(gram.values.shape) != (rows, rows):
        raise ArgumentError(
            "gram",
            expected=f"the mean kernel of a module or Network on the {rows} rows of x",
            got=f"one of shape {tuple(gram.values.shape)}"
            if anchored
            else "one for a network that is yet to be built",
            remedy='Try gram=NeuralTangentKernel(model, outputs="mean").gram(x), or leave it out.',
        )


def _on_rows(gram: Gram, rows: Tensor) -> Gram:
    rows = rows.to(gram.values.device)
    return replace(gram, values=gram.values[rows[:, None], rows])
