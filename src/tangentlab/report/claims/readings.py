"""Records of a study by network and seed, and readings from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Statistic
from tangentlab.report.intervals import Interval, mean_interval

ByPlace = dict[str, dict[int, list[Record]]]


def by_network(records: Sequence[Record]) -> ByPlace:
    """Network to seed to the finished records of both, in order of the networks' first appearance.

    >>> found = by_network([Record(fingerprint="a", spec={"network": "mlp", "seed": 3})])
    >>> list(found), list(found["mlp"])
    (['mlp'], [3])
    """
    found: ByPlace = {}
    for record in records:
        if record.done:
            network, seed = str(record.spec.get("network", "")), int(record.spec.get("seed", 0))
            found.setdefault(network, {}).setdefault(seed, []).append(record)
    return found


def over_seeds(
    seeds: Mapping[int, Sequence[Record]], read: Callable[[Sequence[Record]], float | None]
) -> Interval | None:
    """The interval over seeds of what `read` gives for the records of each; None where it gives nothing.

    >>> over_seeds({0: [], 1: []}, lambda records: 2.0).mean
    2.0
    """
    values = [value for records in seeds.values() if (value := read(records)) is not None]
    return mean_interval(values) if values else None


def weakest(found: Mapping[str, Interval | None], *, above: bool, words: str = "") -> Statistic | None:
    """Of several networks, that whose interval speaks least for a claim: it must hold for every one of them.

    >>> from tangentlab.report.intervals import mean_interval
    >>> weakest({"a": mean_interval([1.0, 1.0]), "b": mean_interval([3.0, 3.0])}, above=True).words
    'a'
    """
    told = {name: interval for name, interval in found.items() if interval is not None}
    if not told:
        return None

    def against(name: str) -> float:
        interval = told[name]
        bound = interval.low if above else interval.high
        bound = interval.mean if bound is None else bound
        return bound if above else -bound

    name = min(told, key=against)
    return Statistic.of(told[name], words=f"{name}{', ' if words and name else ''}{words}")


def reading(record: Record, *path: str) -> Any:
    """A nested reading; None where it is missing.

    >>> reading(Record(fingerprint="a", spec={}, readings={"a": {"b": 1}}), "a", "b")
    1
    """
    found: Any = record.readings
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found
