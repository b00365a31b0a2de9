"""One unit of work and what it found, as plain JSON values that never change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tangentlab._errors import ArgumentError
from tangentlab.records.names import expect_name

STATUSES = ("done", "failed")
_FLOAT = "$float"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one unit of work found, under the fingerprint of its spec.

    Every field holds plain JSON values: tuples become lists and NumPy scalars become numbers on the way in.
    `arrays` maps the names of the arrays kept beside the record to their SHA-256. A record with status `"failed"`
    has an `error` with a `message` and a `remedy`; one with status `"done"` has none.

    >>> record = Record(fingerprint="3f9a", spec={"seed": 0}, readings={"loss": float("inf")})
    >>> Record.from_json(record.to_json()) == record
    True
    >>> record.to_json()["readings"]                # standard JSON knows no infinity
    {'loss': {'$float': 'inf'}}
    """

    fingerprint: str
    spec: dict[str, Any]
    kind: str = "cell"
    status: str = "done"
    readings: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    created: str = field(default_factory=_now)

    def __post_init__(self):
        expect_name("fingerprint", self.fingerprint)
        if self.status not in STATUSES:
            raise ArgumentError(
                "status", expected="'done' or 'failed'", got=repr(self.status), remedy="Use one of the two."
            )
        told = isinstance(self.error, Mapping) and {"message", "remedy"} <= set(self.error)
        if told != (self.status == "failed") or (self.error is not None and not told):
            raise ArgumentError(
                "error",
                expected="a dict with message and remedy when status is 'failed', and None otherwise",
                got=f"{self.error!r} with status {self.status!r}",
                remedy="Say what went wrong and what to do about it.",
            )
        for name in ("spec", "readings", "arrays", "versions", "machine", "timings"):
            if not isinstance(getattr(self, name), Mapping):
                raise ArgumentError(name, expected="a dict", got=getattr(self, name), remedy="Give it names.")
        for each in fields(self):
            object.__setattr__(self, each.name, _plain(getattr(self, each.name), each.name))
        for name in self.arrays:
            expect_name("arrays", name)

    @property
    def done(self) -> bool:
        """Whether the unit finished: `status == "done"`."""
        return self.status == "done"

    def to_json(self) -> dict[str, Any]:
        """All fields as standard JSON values; NaN and infinities become `{"$float": ...}`."""
        return {each.name: _encode(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Record:
        """The record that `to_json` gave; unknown or missing fields are refused."""
        known = {each.name for each in fields(cls)}
        if set(values) != known:
            raise ArgumentError(
                "values",
                expected="the fields of a record: " + ", ".join(sorted(known)),
                got=", ".join(sorted(map(str, values))),
                remedy="Upgrade tangentlab if a newer version wrote it.",
            )
        return cls(**{name: _decode(value) for name, value in values.items()})


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value if type(value) in (str, bool, int, float, type(None)) else _base(value)
    if isinstance(value, np.generic):
        return _plain(value.item(), where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ArgumentError(
                    where, expected="a dict with text keys", got=repr(key), remedy="Write str(key)."
                )
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    raise ArgumentError(
        where,
        expected="made of JSON values (dict, list, text, numbers, None)",
        got=f"a {type(value).__name__}",
        remedy="Give arrays to Store.put(record, arrays=...), and turn tensors into numbers with .item().",
    )


def _base(value: Any) -> Any:
    """A subclass of text or number (an enumeration, a NumPy float) as the plain type."""
    for kind in (str, bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise AssertionError(value)


def _encode(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: repr(value)}
    if isinstance(value, dict):
        if set(value) == {_FLOAT}:  # somebody else's key of that name is wrapped once more
            return {_FLOAT: [_encode(value[_FLOAT])]}
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encode(item) for item in value]
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_FLOAT}:
            kept = value[_FLOAT]
            return float(kept) if isinstance(kept, str) else {_FLOAT: _decode(kept[0])}
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return value
