"""Claims of the kernel through time: it keeps learning and turning, and is ahead of its network.

That kernel regression with Θ_t is ahead of a network that has hardly been trained says nothing of the kernel, so that
the lead is read from the end of the first epoch on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import weakest
from tangentlab.report.intervals import mean_interval
from tangentlab.report.kernel_path import Reading, kernel_paths

EPOCHS = 3
"""After which a kernel has settled, as some have found."""

Read = Callable[[list[Reading], Mapping[str, Any]], float | None]


def late_fall(readings: list[Reading], found: Mapping[str, Any]) -> float | None:
    """Fall of the test error of regression with Θ_t from the middle of log time to the end.

    >>> middle, end = ({"step": t, "kernel": {"test_error": e}} for t, e in ((10, 0.5), (100, 0.25)))
    >>> late_fall([middle, end], {"middle": 10, "steps": 100})
    0.25
    """
    errors = {reading["step"]: reading["kernel"]["test_error"] for reading in readings}
    if found["middle"] not in errors or found["steps"] not in errors:
        return None
    return errors[found["middle"]] - errors[found["steps"]]


def turn_left(readings: list[Reading], found: Mapping[str, Any]) -> float | None:
    """S(Θ_t, Θ_T) after epoch 3 over S(Θ_0, Θ_T); None where training was no longer than that.

    >>> turn_left([{"step": 0, "from_end": 0.5}, {"step": 30, "from_end": 0.125}], {"steps_per_epoch": 10, "steps": 90})
    0.25
    """
    apart = {reading["step"]: reading["from_end"] for reading in readings}
    step = EPOCHS * found["steps_per_epoch"]
    if step not in apart or step >= found["steps"] or not apart.get(0):
        return None
    return apart[step] / apart[0]


def lead(readings: list[Reading], found: Mapping[str, Any]) -> float | None:
    """Error of f_t less that of regression with Θ_t, mean over readings in log time from epoch 1 on.

    >>> reading = {"step": 10, "network": {"test_error": 0.5}, "kernel": {"test_error": 0.25}}
    >>> lead([reading], {"steps_per_epoch": 10})
    0.25
    """
    kept = [reading for reading in readings if reading["step"] >= found["steps_per_epoch"]]
    ahead = [reading["network"]["test_error"] - reading["kernel"]["test_error"] for reading in kept]
    return sum(ahead) / len(ahead) if ahead else None


def _weakest(read: Read, *, whole: bool) -> Callable[[Sequence[Record]], Statistic | None]:
    """Over networks and tasks; `whole` errors have the resolution of one test row."""

    def statistic(records: Sequence[Record]) -> Statistic | None:
        found = {}
        for path in kernel_paths(records):
            if values := path.each_seed(read):
                found[path.place] = mean_interval(values, resolution=1 / path.test_rows if whole else 0.0)
        words = f"the weakest of {len(found)} settings" if len(found) > 1 else ""
        return weakest(found, above=True, words=words)

    return statistic


_SOURCE = "Vyas et al. 2022, time dynamics"

CLAIMS = (
    Claim(
        id="CB6",
        statement="Kernel regression with the kernel at step t still gains in the second half of training in log time.",
        source=_SOURCE,
        study="kernel-through-time",
        measured="fall of its test error from step √T to the end T, ridge chosen by held-out rows, mean over seeds",
        threshold=0.0,
        above=True,
        statistic=_weakest(late_fall, whole=True),
    ),
    Claim(
        id="CB6-turn",
        statement="The kernel does not settle in the first three epochs.",
        source=f"{_SOURCE}, against Fort et al. 2020",
        study="kernel-through-time",
        measured="share of its whole turn S(Θ_0, Θ_T) that is left after epoch 3, mean over seeds",
        threshold=0.1,
        above=True,
        statistic=_weakest(turn_left, whole=False),
    ),
    Claim(
        id="CB6-lead",
        statement="The kernel has learnt what the network learns before the network has.",
        source=_SOURCE,
        study="kernel-through-time",
        measured="test error of the network less that of its kernel at the same step, mean over log time from epoch 1",
        threshold=0.0,
        above=True,
        statistic=_weakest(lead, whole=True),
    ),
)
