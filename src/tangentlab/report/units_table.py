"""The units of a study as rows: what was run, and every single number that it found."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from tangentlab.records import Record

FIRST = ("study", "network", "data", "task", "samples", "seed")


def unit_rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """One row a unit: its place, its status and its numbers; nested readings are joined by underscores.

    >>> unit = Record(fingerprint="a", kind="study", spec={"study": "s", "seed": 0}, readings={"a": {"b": 1.5}})
    >>> found = unit_rows([unit])
    >>> found[0]["study"], found[0]["a_b"]
    ('s', 1.5)
    """
    found = []
    for record in records:
        if record.kind == "study":
            place = {name: record.spec[name] for name in FIRST if name in record.spec}
            found.append({**place, "status": record.status, **flat(record.readings), "unit": record.fingerprint})
    return found


def units_csv(records: Iterable[Record]) -> str:
    """`unit_rows` as CSV with one header line; what was not read is an empty field.

    >>> units_csv([]).strip()
    'study,network,data,task,samples,seed'
    """
    rows = unit_rows(records)
    names = list(dict.fromkeys([*FIRST, *(name for row in rows for name in row)]))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested readings on one level: single numbers, texts, and the numbers inside lists of dictionaries by place.

    >>> flat({"a": {"b": 1}, "tasks": [{"c": 2.0}], "curve": [1.0, 2.0]})
    {'a_b': 1, 'tasks_0_c': 2.0}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}_{name}" if prefix else str(name)
        if isinstance(value, Mapping):
            found |= flat(value, path)
        elif isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, Mapping):
                    found |= flat(item, f"{path}_{place}")
        elif value is None or isinstance(value, (str, int, float)):
            found[path] = value
    return found
