"""History of a descent: what every step saw, and the one check that stops a descent that has blown up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tangentlab._errors import NotFiniteError

CHECK_EVERY = 64
"""Steps between two looks at the losses; each look waits for the device."""


@dataclass(frozen=True)
class History:
    """One entry a step: its learning rate, and the mini-batch loss before the step (without the penalty).

    >>> History(loss=(0.7, 0.6), learning_rate=(0.1, 0.05)).steps
    (0, 1)
    """

    loss: tuple[float, ...]
    learning_rate: tuple[float, ...]

    def __repr__(self) -> str:
        ends = f", loss {self.loss[0]:.4g} to {self.loss[-1]:.4g}" if self.loss else ""
        return f"History({len(self.loss):,} steps{ends})"

    @property
    def steps(self) -> tuple[int, ...]:
        """Step numbers, from 0."""
        return tuple(range(len(self.loss)))


@dataclass(frozen=True, eq=False)
class Trace:
    """Histories being written on the device, one for each of several runs, so that a step need not wait for its loss.

    >>> trace = Trace.start([0.1, 0.05], runs=1, device=torch.device("cpu"))
    >>> for step in range(2):
    ...     trace.write(step, torch.tensor(0.5))
    >>> [history.loss for history in trace.finish()]
    [(0.5, 0.5)]
    """

    losses: Tensor
    """(steps, runs)."""
    rates: list[float]

    @staticmethod
    def start(rates: list[float], *, runs: int, device: torch.device) -> Trace:
        """Empty traces of runs with these learning rates."""
        return Trace(torch.zeros(len(rates), runs, dtype=torch.float64, device=device), rates)

    def write(self, step: int, losses: Tensor) -> None:
        """Note a step's loss in each run; every 64 steps, refuse losses that are not finite."""
        self.losses[step] = losses
        if (step + 1) % CHECK_EVERY == 0:
            self._check(step + 1)

    def finish(self) -> list[History]:
        """The history of each run on the host, checked."""
        self._check(len(self.rates))
        return [History(tuple(losses), tuple(self.rates)) for losses in self.losses.T.tolist()]

    def _check(self, done: int) -> None:
        bad = ~torch.isfinite(self.losses[:done])
        if bool(bad.any()):
            step, run = bad.nonzero()[0].tolist()
            raise blown_up(f"its loss is {self.losses[step, run].item()} at step {step}", self.rates, step=step)


def blown_up(what: str, rates: list[float], *, step: int) -> NotFiniteError:
    """The error of a descent that has left the finite numbers.

    >>> print(blown_up("its loss is nan at step 3", [0.5] * 8, step=3))
    The descent has blown up: its loss is nan at step 3 of 8 (learning rate 0.5).
    Lower learning_rate; stable_learning_rate says how far on a kernel, and a longer warm-up helps a network.
    """
    return NotFiniteError(
        f"The descent has blown up: {what} of {len(rates)} (learning rate {rates[step]:g}).",
        remedy="Lower learning_rate; stable_learning_rate says how far on a kernel, "
        "and a longer warm-up helps a network.",
    )
