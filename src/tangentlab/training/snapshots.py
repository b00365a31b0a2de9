"""Which steps of a descent to keep: evenly spaced in log time, because networks change early and fast."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from tangentlab._errors import ArgumentError


def snapshot_steps(snapshots: int | Sequence[int] | None, *, steps: int) -> tuple[int, ...]:
    """The steps after which to take snapshots, rising; step 0 is the start, `steps` the end.

    None keeps none. A number k keeps k steps spaced geometrically from 1 to the end (all of them where there are
    fewer). A sequence keeps those steps.

    >>> snapshot_steps(4, steps=1000)
    (1, 10, 100, 1000)
    >>> snapshot_steps(5, steps=6)
    (1, 2, 3, 4, 6)
    >>> snapshot_steps([10, 0], steps=20)
    (0, 10)
    """
    if snapshots is None:
        return ()
    if isinstance(snapshots, (bool, str)):
        raise _refuse(snapshots, steps)
    try:
        count = operator.index(snapshots)  # pyright: ignore[reportArgumentType]
    except TypeError:
        return _listed(snapshots, steps=steps)
    if count < 1:
        raise _refuse(snapshots, steps)
    return _log_spaced(min(count, steps), steps=steps)


def _log_spaced(count: int, *, steps: int) -> tuple[int, ...]:
    if count == 1:
        return (steps,)
    wanted = np.geomspace(1, steps, count).round().astype(int)
    rank = np.arange(count)
    rising = np.maximum.accumulate(wanted - rank) + rank  # every step differs from the one before
    return tuple(np.minimum(rising, steps - rank[::-1]).tolist())


def _listed(snapshots: object, *, steps: int) -> tuple[int, ...]:
    try:
        chosen = sorted({operator.index(step) for step in snapshots})  # pyright: ignore[reportGeneralTypeIssues]
    except TypeError:
        raise _refuse(snapshots, steps) from None
    if chosen and not 0 <= chosen[0] <= chosen[-1] <= steps:
        raise _refuse(snapshots, steps)
    return tuple(chosen)


def _refuse(got: object, steps: int) -> ArgumentError:
    return ArgumentError(
        "snapshots",
        expected=f"None, a positive number of snapshots, or steps between 0 and {steps}",
        got=got,
        remedy=f"This descent takes {steps} steps; 0 is its start.",
    )
