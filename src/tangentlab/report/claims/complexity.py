"""Claims on measures of a task: what orders eigenfunctions, what random labels have, where alignment alone misleads."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.eigenfunctions import LEARNERS, correlation, value
from tangentlab.report.claims.readings import by_network, over_seeds, reading, weakest
from tangentlab.report.intervals import Interval

Told = Mapping[str, Any]
Read = Callable[[Told], float | None]

MEASURES: dict[str, tuple[Read, int]] = {
    "alignment": (lambda task: task["alignment"]["unbiased"], 1),
    "norm": (lambda task: task["norm"], -1),
}
"""Name to what is read, and the sign of its correlation with accuracy."""


def tasks_of(record: Record, kind: str) -> list[Told]:
    """What a record tells of its tasks of one kind, in its order.

    >>> tasks_of(Record(fingerprint="a", spec={}, readings={"tasks": [{"kind": "random"}]}), "random")
    [{'kind': 'random'}]
    """
    return [task for task in reading(record, "tasks") or [] if task["kind"] == kind]


def expected_from_alignment(record: Record, learner: str) -> float | None:
    """The accuracy that eigenfunctions lead to expect of the natural labels' alignment, linear in its logarithm.

    Beyond the least or the largest alignment of an eigenfunction it is that one's accuracy. None where the natural
    labels have no positive alignment, or fewer than two eigenfunctions have.

    >>> def told(kind, a, acc):
    ...     return {"kind": kind, "alignment": {"unbiased": a}, "learners": {"network": {"test_accuracy": acc}}}
    >>> tasks = [told("natural", 10.0, 0.5), told("eigenfunction", 100.0, 1.0), told("eigenfunction", 1.0, 0.5)]
    >>> expected_from_alignment(Record(fingerprint="a", spec={}, readings={"tasks": tasks}), "network")
    0.75
    """
    known = sorted(
        (math.log(task["alignment"]["unbiased"]), value(task, learner, "test_accuracy"))
        for task in tasks_of(record, "eigenfunction")
        if task["alignment"]["unbiased"] > 0
    )
    natural = [task["alignment"]["unbiased"] for task in tasks_of(record, "natural")]
    if len(known) < 2 or not natural or natural[0] <= 0:
        return None
    return float(np.interp(math.log(natural[0]), [at for at, _ in known], [accuracy for _, accuracy in known]))


def _over_places(
    records: Sequence[Record], reads: Mapping[str, Callable[[Record], float | None]]
) -> dict[str, Interval | None]:
    """The interval over seeds for every network and every name in `reads`."""
    return {
        f"{network}{', ' if name else ''}{name}": over_seeds(seeds, lambda held, read=read: read(held[0]))
        for network, seeds in by_network(records).items()
        for name, read in reads.items()
    }


def _orders(records: Sequence[Record]) -> Statistic | None:
    def signed(read: Read, sign: int) -> Read:
        return lambda task: None if (got := read(task)) is None else sign * got

    found = {
        f"{network}, {name}, {words}": correlation(
            seeds,
            signed(read, sign),
            lambda task, learner=learner: value(task, learner, "test_accuracy"),
            told=lambda record: tasks_of(record, "eigenfunction"),
        )
        for network, seeds in by_network(records).items()
        for name, (read, sign) in MEASURES.items()
        for learner, words in LEARNERS.items()
    }
    return weakest(found, above=True)


def _random_alignment(records: Sequence[Record]) -> Statistic | None:
    def share(record: Record) -> float | None:
        ours, theirs = (tasks_of(record, kind) for kind in ("random", "natural"))
        if not ours or not theirs or theirs[0]["alignment"]["unbiased"] <= 0:
            return None
        return abs(ours[0]["alignment"]["unbiased"]) / theirs[0]["alignment"]["unbiased"]

    return weakest(_over_places(records, {"": share}), above=False)


def _random_accuracy(records: Sequence[Record]) -> Statistic | None:
    def accuracy(record: Record, learner: str) -> float | None:
        return next((value(task, learner, "test_accuracy") for task in tasks_of(record, "random")), None)

    reads = {
        words: lambda record, learner=learner: accuracy(record, learner) for learner, words in LEARNERS.items()
    }
    return weakest(_over_places(records, reads), above=False)


def _misplaced(records: Sequence[Record]) -> Statistic | None:
    def excess(record: Record, learner: str) -> float | None:
        expected = expected_from_alignment(record, learner)
        natural = [value(task, learner, "test_accuracy") for task in tasks_of(record, "natural")]
        return None if expected is None or not natural else expected - natural[0]

    reads = {words: lambda record, learner=learner: excess(record, learner) for learner, words in LEARNERS.items()}
    return weakest(_over_places(records, reads), above=True)


_SOURCE = "Ortiz-Jimenez et al. 2021, complexity measures"
CLAIMS = (
    Claim(
        id="CA4",
        statement="Among eigenfunctions, the alignment α_U and the norm yᵀK⁻¹y of the initial kernel order the tasks "
        "as the accuracies of the network and of its linearization do.",
        source=_SOURCE,
        study="complexity",
        measured="Spearman's correlation of test accuracy with α_U, and with yᵀK⁻¹y its sign turned, means over seeds, "
        "weakest network, measure and learner",
        threshold=0.9,
        above=True,
        statistic=_orders,
    ),
    Claim(
        id="CA4b",
        statement="Random labels have no alignment with the initial kernel.",
        source=f"{_SOURCE}; Arora et al. 2019",
        study="complexity",
        measured="absolute value of α_U of random labels as a share of that of the natural ones, mean over seeds, "
        "weakest network",
        threshold=0.05,
        above=False,
        statistic=_random_alignment,
    ),
    Claim(
        id="CA4c",
        statement="Random labels are not learnt: on new rows nobody is better than chance.",
        source=f"{_SOURCE}; Arora et al. 2019",
        study="complexity",
        measured="test accuracy on random labels, mean over seeds, weakest network and learner",
        threshold=0.55,
        above=False,
        statistic=_random_accuracy,
    ),
    Claim(
        id="CA4d",
        statement="Alignment alone makes natural labels look easier than they are: eigenfunctions of the same α_U are "
        "learnt better.",
        source="ours",
        study="complexity",
        measured="test accuracy interpolated between eigenfunctions at the α_U of the natural labels, minus that on "
        "the natural labels, mean over seeds, weakest network and learner",
        threshold=0.02,
        above=True,
        statistic=_misplaced,
    ),
)
