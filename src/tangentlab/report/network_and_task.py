"""Records of a study whose units have a network and a task each, gathered by both."""

from __future__ import annotations

from collections.abc import Iterable

from tangentlab.records import Record


def by_network_and_task(records: Iterable[Record], *, holding: str) -> dict[tuple[str, str], tuple[Record, ...]]:
    """Finished records that hold a reading, by the names of network and task, in the order of the names.

    >>> found = [Record(fingerprint="a", spec={"network": "mlp"}, readings={"task": "t", "points": []})]
    >>> list(by_network_and_task(found, holding="points")), list(by_network_and_task(found, holding="readings"))
    ([('mlp', 't')], [])
    """
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.done and holding in record.readings:
            place = str(record.spec.get("network", "")), str(record.readings.get("task", ""))
            found.setdefault(place, []).append(record)
    return {place: tuple(found[place]) for place in sorted(found)}
