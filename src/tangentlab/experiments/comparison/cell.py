"""One cell of a comparison: a network, a task, a number of samples and a seed, with all that decides its readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tangentlab._fingerprint import fingerprint
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.training import Descent


@dataclass(frozen=True)
class Cell:
    """A unit of work, named by the fingerprint of everything that decides its readings.

    `identities` holds what names alone do not tell: the SHA-256 of the data, of the source of a network of the
    user's own, and the version of tangentlab. How many workers run beside this one is not part of it.

    >>> spec = ComparisonSpec.of(samples=[100])
    >>> a, b = (Cell(spec=spec, network="mlp", task="random:2", samples=100, seed=s) for s in (0, 1))
    >>> a.fingerprint == b.fingerprint, len(a.fingerprint)
    (False, 16)
    """

    spec: ComparisonSpec
    network: str
    task: str
    samples: int
    seed: int
    identities: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The spec of this cell alone, as its record keeps it."""
        shared = self.spec.to_dict()
        for name in ("networks", "tasks", "samples", "seeds"):
            shared.pop(name, None)
        place = {"network": self.network, "task": self.task, "samples": self.samples, "seed": self.seed}
        return {**shared, **place, "identities": self.identities}

    @cached_property
    def fingerprint(self) -> str:
        """The name of this cell's record."""
        return fingerprint(self.to_dict())

    def descent(self, *, loss: str) -> Descent:
        """The descent of all its learners: the same batches for each."""
        return self.spec.descent.descent(loss=loss, seed=self.seed)

    @property
    def kind(self) -> str:
        """What its record is."""
        return "cell"

    @property
    def threads(self) -> int:
        """That it computes with."""
        return self.spec.threads

    @property
    def group(self) -> str:
        """Cells of one network cost about the same for their size."""
        return self.network

    @property
    def weight(self) -> float:
        """Its size: const + n^1.5, between the linear cost of training and the quadratic one of kernels."""
        return 1000 + self.samples**1.5

    def __str__(self) -> str:
        return f"{self.network} on {self.task}, {self.samples:,} samples, seed {self.seed}"
