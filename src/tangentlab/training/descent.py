"""Descent: the one description of a training run, for a module and for function space alike."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass, fields

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.training.loss import find_loss
from tangentlab.training.schedule import SCHEDULES, schedule

OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class Descent:
    """How to descend a loss: optimizer, learning rate and schedule, mini-batches, seed.

    With g the mini-batch gradient plus weight_decay·(θ − θ0), where θ0 is the anchor, a step of "sgd" is
    v ← μv + g, θ ← θ − η_t v, as `torch.optim.SGD` has it; with `nesterov`, θ ← θ − η_t (g + μv).
    "adam" is `torch.optim.Adam` with `momentum` as its β₁ and β₂ = 0.999, fed with the same g.
    The rate of step t is η_t = learning_rate · s(t / T), s the schedule ("constant", "linear", "cosine" or
    "one_cycle") and T the number of all steps. Batches are drawn by `seed` alone (see `batches`).

    >>> descent = Descent(loss="bce", learning_rate=0.1, batch_size=50, epochs=2)
    >>> descent.steps(rows=120)
    4
    >>> [round(rate, 3) for rate in descent.learning_rates(4)]
    [0.1, 0.075, 0.05, 0.025]
    >>> Descent(epochs=0)
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `epochs` must be a positive integer, got 0. Try epochs=30.
    """

    loss: str = "bce"
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    batch_size: int = 128
    epochs: int = 100
    schedule: str = "linear"
    seed: int = 0

    def __post_init__(self):
        find_loss(self.loss)
        _known("optimizer", self.optimizer, OPTIMIZERS)
        _known("schedule", self.schedule, SCHEDULES)
        self._number("learning_rate", "a positive number", 0, strict=True, remedy="Try learning_rate=0.05.")
        self._number("momentum", "a number in [0, 1)", 0, below=1, remedy="Try momentum=0.9.")
        self._number("weight_decay", "a number of at least 0", 0, remedy="Try weight_decay=0.0.")
        self._integer("batch_size", "a positive integer", 1, remedy="Try batch_size=128.")
        self._integer("epochs", "a positive integer", 1, remedy="Try epochs=30.")
        self._integer("seed", "an integer", None, remedy="Try seed=0.")
        if not isinstance(self.nesterov, bool):
            raise ArgumentError(
                "nesterov", expected="True or False", got=self.nesterov, remedy="Try nesterov=False."
            )
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ArgumentError(
                "nesterov",
                expected="False unless the optimizer is 'sgd' with a momentum",
                got=f"True with optimizer='{self.optimizer}', momentum={self.momentum:g}",
                remedy="Set nesterov=False, or optimizer='sgd' and momentum=0.9.",
            )

    def steps_per_epoch(self, *, rows: int) -> int:
        """Mini-batches in an epoch of n rows: ⌊n / batch_size⌋, or one batch of all rows when there are fewer.

        >>> Descent(batch_size=128).steps_per_epoch(rows=100)
        1
        """
        return max(1, rows // self.batch_size)

    def steps(self, *, rows: int) -> int:
        """Steps T of the whole descent on n rows."""
        return self.epochs * self.steps_per_epoch(rows=rows)

    def learning_rates(self, steps: int) -> list[float]:
        """The learning rate η_t of every step t = 0, …, T − 1.

        >>> Descent(learning_rate=1.0, schedule="constant").learning_rates(2)
        [1.0, 1.0]
        """
        return (self.learning_rate * schedule(self.schedule, steps)).tolist()

    def to_dict(self) -> dict[str, str | float | int | bool]:
        """The fields as a dictionary of plain values; `Descent(**d)` is this descent again.

        >>> Descent(**Descent(epochs=3).to_dict()).epochs
        3
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _number(
        self,
        name: str,
        expected: str,
        least: float,
        *,
        strict: bool = False,
        below: float = math.inf,
        remedy: str,
    ) -> None:
        got = getattr(self, name)
        try:
            value = math.nan if isinstance(got, (bool, str)) else float(got)
        except (TypeError, ValueError):
            value = math.nan
        if not (least <= value < below) or (strict and value == least):
            raise ArgumentError(name, expected=expected, got=got, remedy=remedy)
        object.__setattr__(self, name, value)

    def _integer(self, name: str, expected: str, least: int | None, *, remedy: str) -> None:
        got = getattr(self, name)
        try:
            value = None if isinstance(got, bool) else operator.index(got)
        except TypeError:
            value = None
        if value is None or (least is not None and value < least):
            raise ArgumentError(name, expected=expected, got=got, remedy=remedy)
        object.__setattr__(self, name, value)


def _known(argument: str, name: object, choices: Iterable[str]) -> None:
    if not isinstance(name, str) or name not in choices:
        raise UnknownNameError(argument, str(name), choices)
