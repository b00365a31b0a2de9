"""The records of a comparison, arranged by network, task, sample size and seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tangentlab._fingerprint import canonical_json
from tangentlab.records import Record

LEARNERS = ("network", "linear-init", "linear-end", "ridge-init", "ridge-end", "infinite")
OPPONENTS = ("linear-init", "ridge-init", "linear-end", "ridge-end", "infinite")
_NAMED = ("network", "data", "task", "samples", "seed")


@dataclass(frozen=True, order=True)
class Setting:
    """What is compared over seeds: a network on a task with a number of samples.

    >>> print(Setting("lenet", "group:0-4", 300))
    lenet on group:0-4 with 300 samples
    """

    network: str
    task: str
    samples: int

    def __str__(self) -> str:
        return f"{self.network} on {self.task} with {self.samples:,} samples"


@dataclass(frozen=True)
class Comparison:
    """Every cell in its place. Make one with `Comparison.of(records)`.

    `networks`, `tasks` (named with their data set when there are several) and `learners` are in the order of the
    spec, `sizes` and `seeds` ascend. `cells` holds the finished cells of each setting by seed, `failed` the rest.
    """

    networks: tuple[str, ...]
    tasks: tuple[str, ...]
    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    learners: tuple[str, ...]
    cells: Mapping[Setting, Mapping[int, Record]]
    failed: tuple[Record, ...]

    @classmethod
    def of(cls, records: Iterable[Record], *, spec: Mapping[str, Any] | None = None) -> Comparison:
        """Arrange `records` (those of kind "cell"); `spec`, the store's, gives the order of networks and tasks.

        >>> cell = Record(fingerprint="a", spec={"network": "mlp", "data": "digits", "task": "parity",
        ...               "samples": 9, "seed": 0}, readings={"learners": {"network": {"test_accuracy": 0.5}}})
        >>> Comparison.of([cell]).values(Setting("mlp", "parity", 9), "learners", "network", "test_accuracy")
        {0: 0.5}
        """
        cells = [record for record in records if record.kind == "cell"]
        places = _places(cells)
        found: dict[Setting, dict[int, Record]] = {}
        for record in sorted((r for r in cells if r.done), key=lambda r: places[r.fingerprint]):
            setting, seed = places[record.fingerprint]
            found.setdefault(setting, {})[seed] = record
        order = _order(spec or {})
        settings = sorted({setting for setting, _ in places.values()})
        named = {name for record in cells for name in _learner_names(record)}
        return cls(
            networks=tuple(sorted({s.network for s in settings}, key=order)),
            tasks=tuple(sorted({s.task for s in settings}, key=order)),
            sizes=tuple(sorted({s.samples for s in settings})),
            seeds=tuple(sorted({seed for _, seed in places.values()})),
            learners=tuple(n for n in LEARNERS if n in named) + tuple(sorted(named - set(LEARNERS))),
            cells=found,
            failed=tuple(sorted((r for r in cells if not r.done), key=lambda r: places[r.fingerprint])),
        )

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings with a finished cell: networks, then tasks, then sizes, in order."""
        every = (Setting(n, t, s) for n in self.networks for t in self.tasks for s in self.sizes)
        return tuple(setting for setting in every if setting in self.cells)

    @property
    def finished(self) -> int:
        """How many cells finished."""
        return sum(len(seeds) for seeds in self.cells.values())

    def values(self, setting: Setting, *path: str) -> dict[int, float]:
        """One reading of a setting by seed: the finite numbers found under `path`."""
        found = {}
        for seed, record in self.cells.get(setting, {}).items():
            value = reading(record.readings, *path)
            if value is not None:
                found[seed] = value
        return found

    def accuracies(self, setting: Setting, learner: str) -> dict[int, float]:
        """Test accuracy of a learner by seed."""
        return self.values(setting, "learners", learner, "test_accuracy")

    def resolution(self, setting: Setting) -> float:
        """The smallest step of a test accuracy: one test row, or 0.001 when their number is not known."""
        rows = [record.spec.get("test_samples") for record in self.cells.get(setting, {}).values()]
        known = [row for row in rows if isinstance(row, int) and row > 0]
        return 1 / min(known) if known else 1e-3


def reading(values: Any, *path: str) -> float | None:
    """The finite number under `path` in nested dicts, or None.

    >>> reading({"a": {"b": 1}}, "a", "b"), reading({"a": None}, "a", "b"), reading({"a": float("nan")}, "a")
    (1.0, None, None)
    """
    value = nested(values, *path)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def nested(values: Any, *path: str) -> Any:
    """Whatever lies under `path` in nested dicts, or None.

    >>> nested({"a": {"b": [1]}}, "a", "b"), nested({"a": 3}, "a", "b")
    ([1], None)
    """
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def label(value: Any) -> str:
    """A value of a spec as a short name.

    >>> label("mlp"), label({"name": "mlp", "width": 64}), label(None)
    ('mlp', 'mlp(width=64)', 'none')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        options = ", ".join(f"{k}={label(v)}" for k, v in sorted(value.items()) if k != "name")
        return f"{value['name']}({options})" if options else str(value["name"])
    return "none" if value is None else canonical_json(value)


def _places(records: list[Record]) -> dict[str, tuple[Setting, int]]:
    """The setting and seed of each record; what else varies joins the network's name if places would collide."""
    many_data = len({label(r.spec.get("data")) for r in records}) > 1

    def place(record: Record, varying: tuple[str, ...]) -> tuple[Setting, int]:
        spec = record.spec
        network = label(spec.get("network"))
        if varying:
            network += f" ({', '.join(f'{key}={label(spec.get(key))}' for key in varying)})"
        task = label(spec.get("task"))
        if many_data:
            task = f"{label(spec.get('data'))} {task}"
        return Setting(network, task, _integer(spec.get("samples"))), _integer(spec.get("seed"))

    places = {record.fingerprint: place(record, ()) for record in records}
    if len(set(places.values())) < len(records):
        keys = sorted({key for record in records for key in record.spec} - set(_NAMED))
        varying = tuple(key for key in keys if len({canonical_json(r.spec.get(key)) for r in records}) > 1)
        places = {record.fingerprint: place(record, varying) for record in records}
    return places


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0


def _learner_names(record: Record) -> list[str]:
    listed, found = record.spec.get("learners"), record.readings.get("learners")
    names = list(listed) if isinstance(listed, list) else []
    return [n for n in [*names, *(found if isinstance(found, Mapping) else ())] if isinstance(n, str)]


def _order(spec: Mapping[str, Any]):
    """Sort key: first the names in the order in which the store's spec lists them, then all others by name."""
    values = [spec.get("networks"), spec.get("tasks")]
    listed = [label(name) for names in values if isinstance(names, list) for name in names]

    def key(name: str) -> tuple[int, str]:
        places = [i for i, each in enumerate(listed) if name == each or name.endswith(f" {each}")]
        return (places[0] if places else len(listed), name)

    return key
