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
    order = _from_weakest(found, above=above)
    return _named(found, order[0], words) if order else None


def second_best(found: Mapping[str, Interval | None], *, above: bool, words: str = "") -> Statistic | None:
    """Of several networks, the one after the best: what holds for it holds for two. None where there are not two.

    >>> from tangentlab.report.intervals import mean_interval
    >>> found = {name: mean_interval([mean, mean]) for name, mean in {"a": 1.0, "b": 3.0, "c": 2.0}.items()}
    >>> second_best(found, above=True).words
    'c'
    """
    order = _from_weakest(found, above=above)
    return _named(found, order[-2], words) if len(order) > 1 else None


def _named(found: Mapping[str, Interval | None], name: str, words: str) -> Statistic:
    interval = found[name]
    assert interval is not None
    return Statistic.of(interval, words=f"{name}{', ' if words and name else ''}{words}")


def _from_weakest(found: Mapping[str, Interval | None], *, above: bool) -> list[str]:
    """Names of those that tell something, from what speaks least for a claim to what speaks most."""

    def support(name: str) -> float:
        interval = found[name]
        assert interval is not None
        bound = interval.low if above else interval.high
        bound = interval.mean if bound is None else bound
        return bound if above else -bound

    return sorted((name for name, interval in found.items() if interval is not None), key=support)


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
