"""What a comparison was run with: its settings, versions and machines, and the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from tangentlab.records import Record
from tangentlab.report.comparison import label
from tangentlab.report.wording import count

_MOST = 12


def settings_of(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Every setting of the cells, and the classes of their targets, with the values that it took.

    >>> settings_of([Record(fingerprint=str(n), spec={"samples": n, "descent": {"epochs": 3}}) for n in (100, 9)])
    [('samples', '9, 100'), ('descent.epochs', '3')]
    """
    return _values([record.spec | _classes(record) for record in records])


def machines_of(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Versions and machine, with all values that occur if there are several.

    >>> machines_of([Record(fingerprint="a", spec={}, versions={"torch": "2.13"}, machine={"cores": 2})])
    [('torch', '2.13'), ('cores', '2')]
    """
    return _values([{**record.versions, **record.machine} for record in records])


def command_of(spec: Mapping[str, Any], *, place: str) -> str:
    """The command that repeats the comparison: the spec's own, or that which completes the store at `place`.

    >>> command_of({"command": "tangentlab compare --seeds 3"}, place="runs/a")
    'tangentlab compare --seeds 3'
    >>> command_of({}, place="runs/my run")
    "tangentlab resume 'runs/my run'"
    """
    command = spec.get("command")
    if isinstance(command, list) and command:
        return shlex.join(map(str, command))
    return command if isinstance(command, str) and command else f"tangentlab resume {shlex.quote(place)}"


def _classes(record: Record) -> dict[str, Any]:
    classes = record.readings.get("classes")
    return {"classes": classes} if isinstance(classes, list) and classes else {}


def _values(dicts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found: dict[str, dict[str, Any]] = {}
    for each in dicts:
        for key, value in _flat(each).items():
            found.setdefault(key, {})[json.dumps(value, sort_keys=True)] = value
    return [
        (key, _told(list(values.values()))) for key, values in found.items() if not set(values) <= {"null", '""'}
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _told(values: list[Any]) -> str:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    ordered = sorted(values) if numbers else values
    told = [_listed(v) if isinstance(v, list) else _scalar(v) for v in ordered[:_MOST]]
    more = f" and {count(len(values) - _MOST, 'value')} more" if len(values) > _MOST else ""
    return ("; " if any(isinstance(v, list) for v in values) else ", ").join(told) + more


def _listed(values: list[Any]) -> str:
    names = [label(value) for value in values]
    return (" | " if any("," in name for name in names) else ", ").join(names)


def _scalar(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:,}" if isinstance(value, int) else label(value)
