"""Claim on choices of training: the network is ahead of its initial kernel whatever they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import by_network, weakest
from tangentlab.report.error_curves import CHOSEN, RIDGELESS, error_of
from tangentlab.report.intervals import Interval, mean_interval
from tangentlab.report.wording import count


@dataclass(frozen=True)
class Choice:
    """A choice of training, with the errors of the initial kernel and of the network under it, a pair for each seed."""

    optimizer: str
    batch_size: int
    factor: float
    errors: tuple[tuple[float, float], ...]
    resolution: float

    @property
    def gap(self) -> Interval:
        """Error of the initial kernel less that of the network, mean over seeds."""
        return mean_interval([initial - network for initial, network in self.errors], resolution=self.resolution)

    @property
    def initial(self) -> Interval:
        """Error of the initial kernel, mean over seeds."""
        return mean_interval([initial for initial, _ in self.errors], resolution=self.resolution)

    @property
    def network(self) -> Interval:
        """Error of the network, mean over seeds."""
        return mean_interval([network for _, network in self.errors], resolution=self.resolution)

    def __str__(self) -> str:
        return f"{self.optimizer}, batches of {self.batch_size}, rate × {self.factor:g}"


def initial_error(told: Mapping[str, Any]) -> float:
    """The test error of the initial kernel under that rule for the ridge that suits it better.

    >>> initial_error({"initial": {"test_error": 0.5, "ridgeless": {"test_error": 0.25}}})
    0.25
    """
    return min(error_of(told, "initial", ridge=ridge) or 0.0 for ridge in (CHOSEN, RIDGELESS))


def choices(records: Sequence[Record]) -> dict[str, tuple[Choice, ...]]:
    """Network and task to the choices in the order in which they were tried.

    >>> made = {"optimizer": "sgd", "batch_size": 32, "factor": 0.5, "network": {"test_error": 0.25}}
    >>> told = {"task": "t", "test_rows": 100, "initial": {"test_error": 0.75}, "choices": [made]}
    >>> choices([Record(fingerprint="a", spec={"network": "mlp", "seed": 0}, readings=told)])["mlp, t"][0].errors
    ((0.75, 0.25),)
    """
    found: dict[str, dict[tuple[str, int, float], list[tuple[float, float]]]] = {}
    rows: dict[str, int] = {}
    for network, seeds in by_network(records).items():
        for held in seeds.values():
            for record in held:
                told: Any = record.readings
                place = f"{network}, {told['task']}"
                rows[place] = told["test_rows"]
                for made in told["choices"]:
                    key = made["optimizer"], made["batch_size"], made["factor"]
                    errors = initial_error(told), made["network"]["test_error"]
                    found.setdefault(place, {}).setdefault(key, []).append(errors)
    return {
        place: tuple(Choice(*key, tuple(errors), 1 / rows[place]) for key, errors in made.items())
        for place, made in found.items()
    }


def _smallest(records: Sequence[Record]) -> Statistic | None:
    gaps = {f"{place}, {each}": each.gap for place, made in choices(records).items() for each in made}
    worst = weakest(gaps, above=True)
    if worst is None:
        return None
    words = f"{worst.words}, the least of {count(len(gaps), 'choice')}"
    return Statistic(worst.value, worst.low, worst.high, worst.n, words)


CLAIMS = (
    Claim(
        id="CB2",
        statement="Half and twice the learning rate, small and large batches, SGD and Adam: the network is ahead of "
        "its initial kernel under all of them.",
        source="Vyas et al. 2022, robustness to learning rate, batch size and optimizer; on a task of ours",
        study="training-choices",
        measured="test error of the initial kernel less that of the network at the same rows, mean over seeds, for the "
        "choice where the interval reaches lowest; the kernel has the ridge that suits it better",
        threshold=0.0,
        above=True,
        statistic=_smallest,
    ),
)
