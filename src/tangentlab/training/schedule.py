"""Learning-rate schedules: closed forms in the fraction of the descent that is done.

The step t of T runs at the learning rate η·s(t/T), t = 0, …, T − 1, so that a schedule is one function s on [0, 1)
and a longer descent is the same curve drawn slower.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tangentlab._errors import UnknownNameError

WARM_UP = 0.3
"""Share of the steps in which `one_cycle` rises."""

START = 1 / 25
"""Where `one_cycle` starts, as a share of the learning rate."""


def constant(u: np.ndarray) -> np.ndarray:
    """s(u) = 1.

    >>> constant(np.array([0.0, 0.5])).tolist()
    [1.0, 1.0]
    """
    return np.ones_like(u)


def linear(u: np.ndarray) -> np.ndarray:
    """s(u) = 1 − u: from the learning rate down to zero, which the step after the last would reach.

    >>> linear(np.array([0.0, 0.25])).tolist()
    [1.0, 0.75]
    """
    return 1 - u


def cosine(u: np.ndarray) -> np.ndarray:
    """s(u) = (1 + cos πu) / 2, half a cosine wave (Loshchilov and Hutter 2017, without restarts).

    >>> cosine(np.array([0.0, 0.5])).round(12).tolist()
    [1.0, 0.5]
    """
    return (1 + np.cos(np.pi * u)) / 2


def one_cycle(u: np.ndarray) -> np.ndarray:
    """Up along half a cosine wave from 1/25 to 1 in the first 30 % of the steps, then down along another to 0.

    The one-cycle policy of Smith and Topin 2018, with momentum left alone so that the two executions of a
    descent stay one description.

    >>> one_cycle(np.array([0.0, 0.3, 0.65])).round(12).tolist()
    [0.04, 1.0, 0.5]
    """
    up = START + (1 - START) * (1 - np.cos(np.pi * u / WARM_UP)) / 2
    down = (1 + np.cos(np.pi * (u - WARM_UP) / (1 - WARM_UP))) / 2
    return np.where(u < WARM_UP, up, down)


SCHEDULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "one_cycle": one_cycle,
}


def schedule(name: str, steps: int) -> np.ndarray:
    """The factors s(t/T) of every step t = 0, …, T − 1, float64 (T,).

    >>> schedule("linear", 4).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    if name not in SCHEDULES:
        raise UnknownNameError("schedule", name, SCHEDULES)
    return SCHEDULES[name](np.arange(steps) / max(steps, 1))
