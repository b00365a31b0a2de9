"""One initialization of a network before training: its kernel on the rows, and what that says of the targets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from tangentlab.experiments.learning.fits import RIDGES
from tangentlab.experiments.learning.goal import Goal, expect_outputs
from tangentlab.kernels import Gram, NeuralTangentKernel
from tangentlab.linalg import Eigenpairs, eigenpairs, noise_floor, rounding_of
from tangentlab.networks import Network
from tangentlab.networks.inputs import Inputs
from tangentlab.probes import TrainingSpeed, predict_risk
from tangentlab.training import Errors, SubsetCurve, subset_curve

_ROUNDINGS = 10.0  # entries of a kernel are sums: they are right to some roundings


@dataclass(frozen=True, eq=False)
class InitialPoint:
    """What one initialization says of rows and their targets: what its kernel learns of them from some, and how fast.

    `curve` is the learning curve on subsets, `spectrum_mse` the errors foretold from the spectrum at its sizes, `gcv`
    those of all rows at each of `RIDGES`.
    """

    curve: SubsetCurve
    spectrum_mse: np.ndarray
    gcv: np.ndarray
    speed: TrainingSpeed
    gram: Gram
    codes: Tensor
    informed: bool


def initial_point(
    network: Network,
    x: Inputs,
    goal: Goal,
    *,
    sizes: list[int],
    ridge: float | str,
    centred: bool,
    splits: int,
    memory: int | str | None,
    gram: Gram | None,
    seed: int,
) -> InitialPoint:
    """Compute the kernel of a network on rows (or take `gram`), decompose it once, and read everything off it."""
    gram = gram or NeuralTangentKernel(network, outputs="mean", memory=memory).gram(x)
    K, f0 = gram.values.double().cpu(), network(x).double().cpu()
    expect_outputs(f0, goal.outputs)
    rounding, unit, n = rounding_of(gram.values), gram.trace / len(K), len(K)
    wanted = goal.codes if centred else goal.codes - f0
    pairs = eigenpairs(K, rounding=rounding)
    tried = np.array(
        [
            predict_risk(pairs, wanted, samples=[*sizes, n], ridge=share * unit, rounding=rounding).held_out_mse
            for share in (*RIDGES, *(() if isinstance(ridge, str) else (ridge,)))
        ]
    )
    best = tried[:, :-1].argmin(0) if isinstance(ridge, str) else np.full(len(sizes), -1)
    shares = np.array(RIDGES)[best] if isinstance(ridge, str) else np.full(len(sizes), ridge)
    curve = subset_curve(
        K,
        goal.codes,
        None if centred else f0,
        samples=sizes,
        ridge=(shares * unit).tolist(),
        decides=goal.decides,
        splits=splits,
        strata=goal.labels,
        seed=seed,
        rounding=rounding,
    )
    informed = _informed(K, None if centred else f0, rounding=rounding)
    if not informed and curve.error is not None:
        curve = replace(curve, error=_chance(curve.error, goal))
    return InitialPoint(
        curve,
        tried[best, np.arange(len(sizes))],
        tried[: len(RIDGES), -1],
        _speed(pairs, wanted, rounding=rounding),
        gram,
        goal.codes,
        informed,
    )


def _informed(K: Tensor, f0: Tensor | None, *, rounding: float) -> bool:
    """Whether K has more than a constant part, or the initial outputs do: whether any two rows can be told apart."""
    mean = K.mean(0)
    part = (K.diagonal() - 2 * mean + mean.mean()).sum()  # tr HKH, H the centring
    if float(part) > _ROUNDINGS * rounding * float(K.trace()):
        return True
    if f0 is None:
        return False
    return bool((f0 - f0.mean(0)).abs().max() > _ROUNDINGS * rounding * f0.abs().max())


def _chance(errors: Errors, goal: Goal) -> Errors:
    """The decisions of the best constant, at every size: of a learner that answers all rows alike, no more is known."""
    assert goal.labels is not None
    wrong = (goal.labels != goal.labels.mode().values).double().numpy()
    return Errors(
        np.tile(wrong, (len(errors.rows), 1)),
        np.where(np.isnan(errors.splits), np.nan, wrong.mean()),
        np.zeros_like(errors.variance),
    )


def _speed(pairs: Eigenpairs, wanted: Tensor, *, rounding: float) -> TrainingSpeed:
    floor = float(noise_floor(pairs.values, rounding=rounding))
    values = torch.where(pairs.values > floor, pairs.values, 0.0)
    energies = (pairs.vectors.mT @ wanted).square().sum(1)
    slope = -float((values * energies).sum()) / len(wanted) ** 2
    return TrainingSpeed.of_modes(values.numpy(), energies.numpy(), rows=len(wanted), slope=slope)
