"""Claims of the positive control: what a network and the kernel it ends with learn, its first kernel does not.

The labels have no noise, so the near-ridgeless rule is the one that kernels are judged under; what the ridge chosen by
held-out rows would give is told beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import weakest
from tangentlab.report.error_curves import CHOSEN, RIDGELESS, contested, error_of
from tangentlab.report.intervals import mean_interval
from tangentlab.report.wording import significant

ROWS = 2000
"""Training rows at which the control is read."""

Read = Callable[[Mapping[str, Any], str], float | None]


def lead(learners: Mapping[str, Any], ridge: str) -> float | None:
    """Error of the initial kernel less that of the network.

    >>> lead({"initial": {"test_error": 0.5}, "network": {"test_error": 0.25}}, "chosen")
    0.25
    """
    initial, network = error_of(learners, "initial", ridge=ridge), error_of(learners, "network")
    return None if initial is None or network is None else initial - network


def between(learners: Mapping[str, Any], ridge: str) -> float | None:
    """How far inside the error of the constant after-kernel lies between those of the initial and the after-kernel.

    >>> errors = {"initial": 0.75, "after-constant": 0.5, "after": 0.0}
    >>> between({name: {"test_error": error} for name, error in errors.items()}, "chosen")
    0.25
    """
    found = [error_of(learners, name, ridge=ridge) for name in ("initial", "after-constant", "after")]
    if any(each is None for each in found):
        return None
    initial, constant, after = (each for each in found if each is not None)
    return min(initial - constant, constant - after)


def _statistic(read: Read, *, above: bool) -> Callable[[Sequence[Record]], Statistic | None]:
    def statistic(records: Sequence[Record]) -> Statistic | None:
        found, told = {}, {}
        for place in contested(records):
            values = place.at(ROWS, lambda learners: read(learners, RIDGELESS))
            others = place.at(ROWS, lambda learners: read(learners, CHOSEN))
            if values:
                found[place.network] = mean_interval(list(values.values()), resolution=1 / place.test_rows)
                told[place.network] = significant(sum(others.values()) / len(others))
        words = weakest(found, above=above)
        if words is None:
            return None
        note = f"{words.words}; with a ridge chosen by held-out rows {told[words.words]}"
        return Statistic(words.value, words.low, words.high, words.n, note)

    return statistic


_SOURCE = "positive control for Vyas et al. 2022; thresholds from a pilot on other seeds"

CLAIMS = (
    Claim(
        id="control-parity",
        statement="The network learns three-parity where kernel regression with its initial kernel does not.",
        source=_SOURCE,
        study="three-parity",
        measured="test error of the initial kernel less that of the network at 2,000 rows, mean over seeds",
        threshold=0.3,
        above=True,
        statistic=_statistic(lead, above=True),
    ),
    Claim(
        id="control-parity-after",
        statement="The kernel of the trained network learns three-parity from the same rows.",
        source=_SOURCE,
        study="three-parity",
        measured="test error of the after-kernel of the same 2,000 rows, mean over seeds",
        threshold=0.05,
        above=False,
        statistic=_statistic(lambda found, ridge: error_of(found, "after", ridge=ridge), above=False),
    ),
    Claim(
        id="control-parity-constant",
        statement="A kernel trained on a constant 500 rows lies between the initial kernel and that of the same rows.",
        source=_SOURCE,
        study="three-parity",
        measured="the lesser distance of its test error from theirs at 2,000 rows, mean over seeds",
        threshold=0.0,
        above=True,
        statistic=_statistic(between, above=True),
    ),
)
