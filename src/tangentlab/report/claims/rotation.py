"""Claims on the rotation of the kernel towards an eigenfunction that was trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import by_network, over_seeds, reading, weakest
from tangentlab.report.intervals import Interval

Target = Mapping[str, Any]


def targets_of(record: Record) -> dict[int, Target]:
    """Index to what a record tells of it as a target.

    >>> targets_of(Record(fingerprint="a", spec={}, readings={"targets": [{"index": 3}]}))
    {3: {'index': 3}}
    """
    return {target["index"]: target for target in reading(record, "targets") or []}


def over_targets(records: Sequence[Record], read: Callable[[Target], float | None]) -> dict[str, Interval | None]:
    """The interval over seeds of a reading, for each network and target."""
    found = {}
    for network, seeds in by_network(records).items():
        indices = sorted({index for held in seeds.values() for index in targets_of(held[0])})
        for index in indices:

            def of(held: Sequence[Record], index: int = index) -> float | None:
                target = targets_of(held[0]).get(index)
                return None if target is None else read(target)

            found[f"{network}, eigenfunction {index}"] = over_seeds(seeds, of)
    return found


def exponentiated(found: Statistic | None) -> Statistic | None:
    """A statistic of base-2 logarithms, as the ratio that it is of.

    >>> exponentiated(Statistic(1.0, 0.0, 2.0, 3)).high
    4.0
    """
    if found is None:
        return None
    low, high = (None if bound is None else 2.0**bound for bound in (found.low, found.high))
    return Statistic(2.0**found.value, low, high, found.n, found.words)


def _growth(part: str) -> Callable[[Sequence[Record]], Statistic | None]:
    def statistic(records: Sequence[Record]) -> Statistic | None:
        found = over_targets(records, lambda target: math.log2(target[part]["normalized"]))
        return exponentiated(weakest(found, above=True))

    return statistic


def _ranks_gained(records: Sequence[Record]) -> Statistic | None:
    def read(target: Target) -> float | None:
        before, after = target["all"]["rank_before"], target["all"]["rank_after"]
        return (before - after) / before if before else None

    return weakest(over_targets(records, read), above=True)


def _beside_neighbours(records: Sequence[Record]) -> Statistic | None:
    def read(target: Target) -> float | None:
        own, near = target["held_out"]["normalized"], target["held_out"]["neighbours"]
        return math.log2(own / near) if near == near and near > 0 else None

    return exponentiated(weakest(over_targets(records, read), above=True))


_SOURCE = "Ortiz-Jimenez et al. 2021, alignment before and after training"
_RATIO = (
    "ratio of Rayleigh quotients after and before training along the target, kernels of one trace, geometric mean "
)
CLAIMS = (
    Claim(
        id="CA6",
        statement="Training on an eigenfunction turns the kernel towards it: its share of the trace doubles at least.",
        source=_SOURCE,
        study="rotation",
        measured=_RATIO + "over seeds, all rows, weakest network and target",
        threshold=2.0,
        above=True,
        statistic=_growth("all"),
    ),
    Claim(
        id="CA6b",
        statement="The kernel has turned towards it on rows that were not trained on, too.",
        source=_SOURCE,
        study="rotation",
        measured=_RATIO + "over seeds, held-out rows (each with itself, too, which draws it towards one), weakest "
        "network and target",
        threshold=2.0,
        above=True,
        statistic=_growth("held_out"),
    ),
    Claim(
        id="CA6c",
        statement="The target moves up among the initial eigenvectors, ordered by their Rayleigh quotients.",
        source=_SOURCE,
        study="rotation",
        measured="ranks gained, as a share of the rank before training, mean over seeds, weakest network and target",
        threshold=0.0,
        above=True,
        statistic=_ranks_gained,
    ),
    Claim(
        id="CA6d",
        statement="The kernel turns towards the target more than towards the eigenvectors beside it: along one axis.",
        source=_SOURCE,
        study="rotation",
        measured="the same ratio over the median of that of ten eigenvectors on either side, held-out rows, geometric "
        "mean over seeds, weakest network and target",
        threshold=1.0,
        above=True,
        statistic=_beside_neighbours,
    ),
)
