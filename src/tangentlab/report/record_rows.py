"""Records as flat rows, one for each cell and learner, and as CSV: for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from tangentlab.records import Record
from tangentlab.report.comparison import LEARNERS, label

COLUMNS = (
    "network",
    "data",
    "task",
    "samples",
    "seed",
    "learner",
    "train_loss",
    "train_accuracy",
    "test_loss",
    "test_accuracy",
)
_NOT_IN_ROWS = ("learners", "history", "classes", "warnings")


def rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """One row for each cell and learner: the ten `COLUMNS`, then every other number that was read, by name.
    `seconds` is the wall time of the learner, without that of the kernels it stands on.

    A failed cell has its rows too, with `status` "failed" and no readings. Lists (spectra, histories) are left to
    the JSON of the records.

    >>> spec = {"network": "mlp", "data": "digits", "task": "parity", "samples": 9, "seed": 0}
    >>> readings = {"learners": {"network": {"test_accuracy": 0.5}}, "anchors": {"init": {"trace": 2.0}}}
    >>> cell = Record(fingerprint="a", spec=spec, readings=readings)
    >>> row, = rows([cell])
    >>> row["learner"], row["test_accuracy"], row["train_loss"], row["init_trace"]
    ('network', 0.5, None, 2.0)
    """
    found = []
    for record in records:
        if record.kind != "cell":
            continue
        place = {name: record.spec.get(name) for name in COLUMNS[:5]}
        place = {name: label(v) if isinstance(v, (dict, list)) else v for name, v in place.items()}
        others = _flat({k: v for k, v in record.readings.items() if k not in _NOT_IN_ROWS})
        for learner, readings in _learners(record).items():
            row: dict[str, Any] = place | {"learner": learner} | dict.fromkeys(COLUMNS[6:])
            row |= {name: value for name, value in readings.items() if _is_scalar(value)}
            if learner in record.timings:
                row["seconds"] = record.timings[learner]
            found.append(row | {"status": record.status} | others | {"fingerprint": record.fingerprint})
    rank = {name: i for i, name in enumerate(LEARNERS)}
    found.sort(
        key=lambda row: (*map(_sortable, list(row.values())[:5]), rank.get(row["learner"], 9), row["learner"])
    )
    return found


def to_csv(records: Iterable[Record]) -> str:
    """`rows` as CSV with one header line; what was not read is an empty field.

    >>> print(to_csv([]).strip())
    network,data,task,samples,seed,learner,train_loss,train_accuracy,test_loss,test_accuracy
    """
    found = rows(records)
    names = list(dict.fromkeys([*COLUMNS, *sorted({name for row in found for name in row})]))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return buffer.getvalue()


def _learners(record: Record) -> dict[str, dict[str, Any]]:
    listed, found = record.spec.get("learners"), record.readings.get("learners")
    readings = dict(found) if isinstance(found, Mapping) else {}
    names = [n for n in listed if isinstance(n, str)] if isinstance(listed, list) else []
    every = dict.fromkeys([*names, *readings] or ["network"])
    return {name: dict(readings.get(name) or {}) for name in every}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested readings as one level: `anchors.init.alignment.rayleigh` becomes `init_alignment_rayleigh`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}_{name}" if prefix else name
        if isinstance(value, Mapping):
            found |= _flat(value, "" if name == "anchors" else path)
        elif _is_scalar(value):
            found[path] = value
    return found


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _sortable(value: Any) -> tuple[int, float, str]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, value if isinstance(value, str) else json.dumps(value))
