"""Steps that a training takes to a loss level, with a bracket for the noise of its mini-batches.

A mini-batch's loss is one draw around the loss of all rows. The answer is the end of the first window of steps (an
epoch, say) whose mean is at or below the level; the bracket goes from the first single step that was, which is
early, to the first window from which on all are, which is late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tangentlab._errors import ArgumentError
from tangentlab._shapes import expect_finite, expect_shape, expect_whole_number
from tangentlab.linalg import floating_tensor
from tangentlab.training import History


@dataclass(frozen=True)
class StepsToLoss:
    """`steps` until a window's mean was at or below `level`; None if it never was.

    >>> steps_to_loss([3.0, 1.0, 2.0, 1.0, 1.0, 0.5], 1.2, window=2)
    StepsToLoss(steps=5, earliest=2, latest=5, level=1.2, window=2)
    """

    steps: int | None
    earliest: int | None
    """The first step whose own loss was: the answer for a smaller window is not before it."""
    latest: int | None
    """The end of the first window from which on every one was."""
    level: float
    window: int


def steps_to_loss(history: History | Sequence[float] | Any, level: float, *, window: int = 1) -> StepsToLoss:
    """When a training first reached a loss level, from the loss of each of its steps, (steps,).

    `history`: what `train` returns in `.history`, or losses in order. `window`: steps that are averaged; give the
    steps of an epoch for a level of all rows' loss. Counted in steps taken, from 1: a loss is seen before its step.

    >>> steps_to_loss([0.9, 0.5, 0.3, 0.2], 0.4).steps
    3
    >>> steps_to_loss([0.9, 0.5], 0.4).steps is None
    True
    """
    given = history.loss if isinstance(history, History) else history
    losses = floating_tensor("history", given, finite=False).double().cpu().numpy()
    expect_shape("history", losses, "n")
    expect_finite("history", losses, remedy="Lower the learning rate of this training.")
    if len(losses) == 0:
        raise ArgumentError("history", expected="the losses of a step or more", got="none", remedy="Train first.")
    expected = f"from 1 to the {len(losses)} steps"
    window = expect_whole_number(
        "window", window, most=len(losses), expected=expected, remedy="Give the steps of an epoch."
    )
    if not np.isfinite(level):
        raise ArgumentError("level", expected="a finite loss", got=level, remedy="Try 0.1.")
    below = np.lib.stride_tricks.sliding_window_view(losses, window).mean(axis=1) <= level
    above = np.flatnonzero(~below)
    settled = 0 if len(above) == 0 else int(above[-1]) + 1
    return StepsToLoss(
        steps=_first(below, window),
        earliest=_first(losses <= level, 1),
        latest=settled + window if settled < len(below) else None,
        level=float(level),
        window=window,
    )


def _first(reached: np.ndarray, window: int) -> int | None:
    found = np.flatnonzero(reached)
    return int(found[0]) + window if len(found) else None
