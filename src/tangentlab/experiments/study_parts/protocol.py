"""How the learners of a study are trained: one descent for the network and for its linearizations."""

from __future__ import annotations

from typing import Any

from tangentlab._errors import UnknownNameError
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.training import Descent

NAMES = ("learning_rate", "momentum", "batch_size", "epochs", "schedule")
"""Settings of a unit that describe its descent; one that the study does not have is that of `Descent`."""


def descent_of(unit: StudyUnit, *, loss: str = "bce", **changes: Any) -> Descent:
    """The descent that a unit's settings describe, with batches drawn by its seed, and with `changes`.

    >>> unit = StudyUnit("eigenfunctions", {"seed": 3, "epochs": 30, "learning_rate": 0.05})
    >>> descent = descent_of(unit, epochs=5)
    >>> descent.seed, descent.epochs, descent.momentum, descent.schedule
    (3, 5, 0.9, 'linear')
    """
    given = {name: unit[name] for name in NAMES if name in unit.settings}
    return Descent(**{"loss": loss, "seed": unit["seed"], **given, **changes})


def expect_statistics(settings: Settings) -> None:
    """Refuse an unknown `end_statistics`: whether kernels have batch normalization's "initial" or "trained" ones.

    >>> expect_statistics({"end_statistics": "initial"})
    """
    if settings["end_statistics"] not in ("initial", "trained"):
        raise UnknownNameError("end_statistics", settings["end_statistics"], ("initial", "trained"))
