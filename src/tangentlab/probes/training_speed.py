"""How fast the linearization trains, from its Gram alone: loss against time of gradient flow.

Squared loss is exact. With K = V diag(ℓ) Vᵀ and r = Vᵀ(y − f0),

    L(t) = 1/(2n) Σ_j e^{−2 ℓ_j t/n} r_j²           t = η · steps for small η; with momentum μ, η · steps/(1 − μ)

and for any loss the slope at the start is dL/dt = −gᵀKg with g = ∂L/∂f at f0: minus the alignment yᵀKy/n² of the
targets for squared loss with f0 = 0, a quarter of it for the logistic loss and targets of ±1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab.linalg import as_columns, block_eigenpairs, floating_tensor, rounding_of
from tangentlab.training.anchored_targets import AnchoredTargets
from tangentlab.training.loss import check_targets, find_loss


@dataclass(frozen=True, eq=False)
class TrainingSpeed:
    """`initial_loss`, `initial_slope` dL/dt, and for squared loss the modes it decays in: `rates` 2ℓ_j/n and `parts`
    r_j²/(2n) of the loss (both None for other losses).

    >>> speed = TrainingSpeed("mse", 1.0, -2.0, np.array([2.0]), np.array([1.0]))
    >>> speed.at([0.0, math.log(2) / 2]).round(12).tolist(), round(speed.time_to(0.25), 12) == round(math.log(2), 12)
    ([1.0, 0.5], True)
    """

    loss: str
    initial_loss: float
    initial_slope: float
    rates: np.ndarray | None
    parts: np.ndarray | None

    @staticmethod
    def of_modes(values: np.ndarray, energies: np.ndarray, *, rows: int, slope: float) -> TrainingSpeed:
        """That of squared loss, from eigenvalues ℓ_j of K, 0 where they do not move, and energies r_j² of y − f0.

        >>> TrainingSpeed.of_modes(np.array([1.0]), np.array([2.0]), rows=1, slope=-2.0).at(0.0).tolist()
        [1.0]
        """
        parts = energies / (2 * rows)
        return TrainingSpeed("mse", float(parts.sum()), slope, 2 * values / rows, parts)

    def at(self, times: float | Iterable[float]) -> np.ndarray:
        """The loss at times of gradient flow, exact for squared loss; refused for the others."""
        rates, parts = self._modes()
        t = np.atleast_1d(np.asarray(times if isinstance(times, (int, float)) else list(times), dtype=float))
        if not len(t) or np.isnan(t).any() or (t < 0).any():
            raise ArgumentError("times", expected="0 or more", got=repr(times), remedy="Try times=[0.0, 1.0].")
        with np.errstate(invalid="ignore"):  # 0 · ∞: a mode that does not move
            exponents = np.where(rates > 0, rates * t[:, None], 0.0)
        return np.exp(-exponents) @ parts

    def time_to(self, share: float) -> float:
        """When the loss has fallen to a share of what it was; infinite where modes that never move hold more.

        Halving a bracket in log t: 1e-12 of it.
        """
        if not 0 < share < 1:
            raise ArgumentError("share", expected="between 0 and 1", got=repr(share), remedy="Try 0.1.")
        rates, parts = self._modes()
        goal = share * self.initial_loss
        moving = rates > 0
        if not moving.any() or float(parts[~moving].sum()) >= goal:
            return math.inf
        low = math.log(-math.log(share) / float(rates.max())) - 1
        high = math.log((math.log(1 / share) + 60) / float(rates[moving].min()))
        if float(self.at(math.exp(high))[0]) > goal:
            return math.inf
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if float(self.at(math.exp(middle))[0]) > goal else (low, middle)
        return math.exp(high)

    def _modes(self) -> tuple[np.ndarray, np.ndarray]:
        if self.rates is None or self.parts is None:
            raise ArgumentError(
                "loss",
                expected="'mse' for the loss at a time",
                got=repr(self.loss),
                remedy="Its curve has no closed form: read initial_slope, or train_function_space on the Gram.",
            )
        return self.rates, self.parts


def training_speed(
    K: Any, y: Any, f0: Any = None, *, loss: str = "mse", rounding: float | None = None
) -> TrainingSpeed:
    """The training curve that a Gram K (n, n), (n, n, c) or (n, n, c, c) foretells for targets y and outputs f0 (n, c).

    Targets as the loss reads them: real for "mse", 0 and 1 for "bce", one-hot rows or labels for "cross_entropy".
    O(n³) for "mse", O(n²) for the others.

    >>> speed = training_speed(torch.eye(2), [1.0, -1.0])          # α = yᵀKy/n² = ½
    >>> speed.initial_loss, speed.initial_slope
    (0.5, -0.5)
    >>> training_speed(torch.eye(2), [1.0, 0.0], loss="bce").initial_slope
    -0.125
    """
    found = find_loss(loss)
    f0 = None if f0 is None else as_columns("f0", f0)
    targets = check_targets(y, loss, rows=len(y), outputs=None if f0 is None else f0.shape[1])
    targets = targets if targets.ndim == 1 else targets.double()
    if targets.ndim == 1:  # labels of cross-entropy
        outputs = f0.shape[1] if f0 is not None else int(targets.max()) + 1
        targets = torch.nn.functional.one_hot(targets, outputs).double()
    rounding = rounding_of(K) if rounding is None else rounding
    data = AnchoredTargets.of(floating_tensor("K", K).double(), targets, f0=f0)
    pull = found.gradient(data.outputs, data.targets)
    slope = -float((pull * data.blocks.apply(pull)).sum())
    start = float(found.value(data.outputs, data.targets))
    if loss != "mse":
        return TrainingSpeed(loss, start, slope, None, None)
    pairs = block_eigenpairs(data.blocks, outputs=data.blocks.outputs, rounding=rounding)
    moving: Tensor = torch.where(pairs.values > pairs.floor, pairs.values, 0.0)
    energies = pairs.project(data.residual).square().sum(2)
    values, energies = (each.flatten().cpu().numpy() for each in (moving, energies))
    return TrainingSpeed.of_modes(values, energies, rows=data.blocks.rows, slope=slope)
