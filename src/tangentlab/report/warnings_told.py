"""What units warned of, each kind once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from tangentlab.records import Record
from tangentlab.report.wording import count


def warnings_of(records: Iterable[Record], *, noun: str = "cell") -> list[tuple[str, str]]:
    """A warning of each kind (they may differ by their numbers), and how many units gave one like it.

    >>> told = [Record(fingerprint=str(n), spec={}, readings={"warnings": [f"slow: {n} s"]}) for n in (3, 4)]
    >>> warnings_of(told)
    [('slow: 3 s', '2 cells')]
    """
    first: dict[str, str] = {}
    units: Counter[str] = Counter()
    for record in records:
        told = record.readings.get("warnings")
        kinds = {re.sub(r"[0-9][0-9.e+-]*", "0", text): text for text in _texts(told)}
        first = kinds | first
        units.update(kinds.keys())
    return [(first[kind], count(times, noun)) for kind, times in units.most_common()]


def _texts(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
