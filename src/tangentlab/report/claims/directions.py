"""Claims on sets that one direction separates: accuracy and alignment fall with s_k², and where its floor begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.eigenfunctions import LEARNERS, correlation, value
from tangentlab.report.claims.readings import by_network, over_seeds, reading, weakest
from tangentlab.report.intervals import Interval

NEAR, FAR = 0, 100
"""Indices between which the accuracy of a convolutional network is to drop."""
CONVOLUTIONAL = "lenet"
DIGITS = 4
"""To which s_k² are compared: on a floor they are equal."""

Told = Mapping[str, Any]


def sets_of(record: Record) -> list[Told]:
    """What a record tells of the set along each direction, by rising index.

    >>> sets_of(Record(fingerprint="a", spec={}, readings={"sets": [{"index": 3}, {"index": 1}]}))
    [{'index': 1}, {'index': 3}]
    """
    return sorted(reading(record, "sets") or [], key=lambda one: one["index"])


def drop(record: Record, learner: str, *, first: int | None, last: int | None) -> float | None:
    """Test accuracy at one index less that at another; None takes the first or the last there is.

    >>> sets = [{"index": k, "learners": {"network": {"test_accuracy": 1 / (k + 1)}}} for k in (0, 1)]
    >>> drop(Record(fingerprint="a", spec={}, readings={"sets": sets}), "network", first=0, last=None)
    0.5
    """
    found = {one["index"]: value(one, learner, "test_accuracy") for one in sets_of(record)}
    ends = [(min(found) if first is None else first), (max(found) if last is None else last)] if found else [0, 0]
    if ends[0] == ends[1] or any(found.get(index) is None for index in ends):
        return None
    return found[ends[0]] - found[ends[1]]


def _drops(records: Sequence[Record], read: Callable[[Record, str], float | None]) -> dict[str, Interval | None]:
    return {
        f"{network}, {words}": over_seeds(seeds, lambda held, learner=learner: read(held[0], learner))
        for network, seeds in by_network(records).items()
        for learner, words in LEARNERS.items()
    }


def _drops_far(records: Sequence[Record]) -> Statistic | None:
    own = [record for record in records if str(record.spec.get("network", "")).startswith(CONVOLUTIONAL)]
    return weakest(_drops(own, lambda record, learner: drop(record, learner, first=NEAR, last=FAR)), above=True)


def _drops_at_all(records: Sequence[Record]) -> Statistic | None:
    return weakest(
        _drops(records, lambda record, learner: drop(record, learner, first=None, last=None)), above=True
    )


def _floor(records: Sequence[Record]) -> Statistic | None:
    found = [
        (
            float(abs(floor["index"] - floor["width"])),
            f"{record.spec.get('network')}: floor from {floor['index']} on",
        )
        for record in records
        if (floor := reading(record, "floor")) is not None
    ]
    if not found:
        return None
    worst, words = max(found)
    return Statistic.exact(worst, n=len(found), words=words)


def alignments_of(record: Record) -> list[Told]:
    """What a record tells of the alignment along each direction, by rising index.

    >>> alignments_of(Record(fingerprint="a", spec={}, readings={"alignments": [{"index": 3}, {"index": 1}]}))
    [{'index': 1}, {'index': 3}]
    """
    return sorted(reading(record, "alignments") or [], key=lambda one: one["index"])


def _same_order(records: Sequence[Record]) -> Statistic | None:
    def square(one: Told) -> float:
        return float(f"{one['eigenvalue']:.{DIGITS}g}")

    found = {
        network: correlation(seeds, square, lambda one: one["measured"], told=alignments_of)
        for network, seeds in by_network(records).items()
    }
    return weakest(found, above=True)


_SOURCE = "Ortiz-Jimenez et al. 2021, neural anisotropy directions"
CLAIMS = (
    Claim(
        id="CA8",
        statement="A convolutional network and its linearization learn to separate two classes along the first "
        f"anisotropy direction far more accurately than along direction {FAR}.",
        source=_SOURCE,
        study="directions",
        measured=f"test accuracy at index {NEAR} minus that at index {FAR} on LeNet, mean over seeds, weaker learner",
        threshold=0.15,
        above=True,
        statistic=_drops_far,
    ),
    Claim(
        id="CA8b",
        statement="A fully connected network has as many directions of its own as its first layer is wide; from that "
        "index on all are alike, s_k² = ‖∂f/∂h₁‖² at x = 0.",
        source=_SOURCE,
        study="directions",
        measured="largest distance between the width and the index from which on all s_k² lie within 1e-5 of the floor",
        threshold=0.0,
        above=False,
        statistic=_floor,
    ),
    Claim(
        id="CA8c",
        statement="Networks of every kind, and their linearizations, learn the last direction less accurately than the "
        "first.",
        source=_SOURCE,
        study="directions",
        measured="test accuracy at the first index minus that at the last, mean over seeds, weakest network and "
        "learner",
        threshold=0.0,
        above=True,
        statistic=_drops_at_all,
    ),
    Claim(
        id="CA8d",
        statement="The alignment of the initial kernel with the labels of each set follows s_k².",
        source=_SOURCE,
        study="directions",
        measured="Spearman's correlation over indices of s_k² with the alignment, measured on pairs x and −x, means "
        "over seeds, weakest network",
        threshold=0.9,
        above=True,
        statistic=_same_order,
    ),
)
