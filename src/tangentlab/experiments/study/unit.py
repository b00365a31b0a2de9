"""One unit of a study: everything that decides its readings, under one fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tangentlab._fingerprint import fingerprint


@dataclass(frozen=True)
class StudyUnit:
    """A unit of work of the study `study`; `unit["epochs"]` is one of its settings.

    `identities` holds what names alone do not tell: the SHA-256 of the data, of the source of a network of the
    user's own, and the version of tangentlab.

    >>> unit = StudyUnit("spectrum", {"network": "mlp", "seed": 0, "samples": 100, "threads": 1})
    >>> unit["samples"], str(unit), len(unit.fingerprint)
    (100, 'spectrum: mlp, seed 0', 16)
    """

    study: str
    settings: dict[str, Any]
    identities: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def to_dict(self) -> dict[str, Any]:
        """The spec of this unit, as its record keeps it."""
        return {"study": self.study, **self.settings, "identities": self.identities}

    @cached_property
    def fingerprint(self) -> str:
        """The name of this unit's record."""
        return fingerprint(self.to_dict())

    @property
    def kind(self) -> str:
        """What its record is."""
        return "study"

    @property
    def threads(self) -> int:
        """That it computes with."""
        return self.settings["threads"]

    @property
    def group(self) -> str:
        """Units of one group cost about the same for their size."""
        return str(self.settings.get("network", self.study))

    @property
    def weight(self) -> float:
        """Its size, in a measure that is comparable within its group."""
        samples = self.settings.get("samples", 0) or 0
        return 1000 + sum(float(n) ** 1.5 for n in (samples if isinstance(samples, list) else [samples]))

    @property
    def initialization(self) -> str:
        """Of networks of the catalogue."""
        return self.settings["initialization"]

    @property
    def dtype(self) -> str:
        """Precision of networks."""
        return self.settings["dtype"]

    @property
    def test_samples(self) -> int | None:
        """Rows held out, where the study has them."""
        return self.settings.get("test_samples") or None

    def __str__(self) -> str:
        place = [str(self.settings[name]) for name in ("network", "task") if name in self.settings]
        numbers = [f"{self.settings['samples']:,} samples"] if "part" in self.settings else []
        seed = [f"seed {self.settings['seed']}"] if "seed" in self.settings else []
        return f"{self.study}: {', '.join([*place, *numbers, *seed]) or 'all'}"
