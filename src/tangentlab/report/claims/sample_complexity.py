"""Claims on sample complexity: who leads depends on the task and on the number of training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import weakest
from tangentlab.report.comparison import Setting
from tangentlab.report.error_curves import Contested, contested, error_of
from tangentlab.report.findings import Finding
from tangentlab.report.intervals import Interval, mean_interval

EIGENFUNCTION = "eigenfunction:"
NOISE = 0.02
"""Two standard errors of an error of 8% on 800 test rows, to two digits: what is behind by less is level."""


def lead(learners: Mapping[str, Any]) -> float | None:
    """Test accuracy of the network less that of its linearization.

    >>> lead({"network": {"test_error": 0.25}, "linearization": {"test_error": 0.5}})
    0.25
    """
    network, linear = error_of(learners, "network"), error_of(learners, "linearization")
    return None if network is None or linear is None else linear - network


def leads(place: Contested) -> tuple[Finding, ...]:
    """The lead of the network for each number of rows, paired by seed, for one network and task; as they are, with no
    correction for several sizes.
    """
    found = []
    for rows in place.rows:
        values = place.at(rows, lead)
        if values:
            difference = mean_interval(list(values.values()), resolution=1 / place.test_rows)
            setting = Setting(place.network, place.task, rows)
            found.append(Finding(setting, "linear-init", difference, stands=difference.sign != 0))
    return tuple(found)


def is_natural(task: str) -> bool:
    """Whether a task is of the data's own classes.

    >>> is_natural("group:0-4"), is_natural("eigenfunction:30")
    (True, False)
    """
    return not task.startswith(EIGENFUNCTION)


def _at_the_end(records: Sequence[Record], *, natural: bool) -> Statistic | None:
    found: dict[str, Interval | None] = {}
    for place in contested(records):
        own = leads(place) if is_natural(place.task) == natural else ()
        if own:
            found[f"{place.network}, {place.task}, {own[-1].setting.samples:,} rows"] = own[-1].difference
    return weakest(found, above=natural)


def _natural(records: Sequence[Record]) -> Statistic | None:
    return _at_the_end(records, natural=True)


def _eigenfunction(records: Sequence[Record]) -> Statistic | None:
    return _at_the_end(records, natural=False)


def _gain(records: Sequence[Record]) -> Statistic | None:
    found: dict[str, Interval | None] = {}
    for place in contested(records):
        if is_natural(place.task) and len(place.rows) > 1:
            first, last = (place.at(place.rows[end], lead) for end in (0, -1))
            gains = [last[seed] - first[seed] for seed in sorted(first.keys() & last.keys())]
            if gains:
                found[place.network] = mean_interval(gains, resolution=1 / place.test_rows)
    return weakest(found, above=True)


_SOURCE = "Ortiz-Jimenez et al. 2021, sizes of the training set"
CLAIMS = (
    Claim(
        id="CA3",
        statement="On two groups of natural classes the network is not behind its linearization at the largest number "
        "of training rows.",
        source=_SOURCE,
        study="sample-complexity",
        measured="test accuracy of the network minus that of its linearization at the largest size, mean over seeds, "
        "weakest network; two points behind count as level",
        threshold=-NOISE,
        above=True,
        statistic=_natural,
    ),
    Claim(
        id="CA3b",
        statement="On an eigenfunction of its initial kernel the network is behind its linearization at the largest "
        "number of training rows: who leads turns with the family of tasks.",
        source=_SOURCE,
        study="sample-complexity",
        measured="test accuracy of the network minus that of its linearization at the largest size, mean over seeds, "
        "weakest network",
        threshold=0.0,
        above=False,
        statistic=_eigenfunction,
    ),
    Claim(
        id="CA3c",
        statement="On two groups of natural classes the network gains on its linearization as rows are added.",
        source=_SOURCE,
        study="sample-complexity",
        measured="lead of the network at the largest size minus that at the smallest, mean over seeds, weakest network",
        threshold=0.0,
        above=True,
        statistic=_gain,
    ),
)
