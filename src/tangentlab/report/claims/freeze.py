"""Claims of the intervention: a kernel frozen late enough keeps the network's error, and it has learnt before it.

They are read on three-parity, where learning is sharp; what comes of other tasks is told in the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import by_network, weakest
from tangentlab.report.intervals import mean_interval

PARITY = "parity:"
LEARNT = 0.05
"""How near to its last error the network has learnt."""

Told = Mapping[str, Any]


def places(records: Sequence[Record]) -> dict[tuple[str, str], dict[int, Told]]:
    """Network and task to seed to what was found.

    >>> told = {"task": "t"}
    >>> places([Record(fingerprint="a", spec={"network": "mlp", "seed": 1}, readings=told)])
    {('mlp', 't'): {1: {'task': 't'}}}
    """
    found: dict[tuple[str, str], dict[int, Told]] = {}
    for network, seeds in by_network(records).items():
        for seed, held in seeds.items():
            for record in held:
                found.setdefault((network, str(record.readings["task"])), {})[seed] = record.readings
    return found


def error_at(told: Told, epoch: int, learner: str = "frozen") -> float | None:
    """The test error that freezing at the end of an epoch leads to, or ("network") that of the network then.

    >>> error_at({"freezings": [{"epoch": 2, "frozen": {"test_error": 0.25}}]}, 2)
    0.25
    """
    found = [each[learner]["test_error"] for each in told["freezings"] if each["epoch"] == epoch]
    return found[0] if found else None


def needed(told: Told) -> float | None:
    """Error when frozen at the start less that when frozen after a tenth of the epochs."""
    return _difference(error_at(told, 0), error_at(told, told["tenth"]))


def lost(told: Told) -> float | None:
    """Error when frozen after a tenth of the epochs less that of the network at its end."""
    return _difference(error_at(told, told["tenth"]), told["network"]["test_error"])


def lead(told: Told) -> float | None:
    """Error when frozen at the start less that when frozen last before the network itself had learnt.

    It had at the first freezing where its error was within 0.05 of its last. None where that was the start.

    >>> steps = [{"epoch": t, "network": {"test_error": n}, "frozen": {"test_error": f}}
    ...          for t, n, f in [(0, 0.5, 0.5), (3, 0.5, 0.25), (5, 0.0, 0.0)]]
    >>> lead({"network": {"test_error": 0.0}, "freezings": steps})
    0.25
    """
    last = told["network"]["test_error"]
    before = None
    for each in told["freezings"]:
        if each["network"]["test_error"] <= last + LEARNT:
            break
        before = each["epoch"]
    return None if before is None else _difference(error_at(told, 0), error_at(told, before))


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _statistic(
    read: Callable[[Told], float | None], *, above: bool
) -> Callable[[Sequence[Record]], Statistic | None]:
    def statistic(records: Sequence[Record]) -> Statistic | None:
        found = {}
        for (network, task), seeds in places(records).items():
            values = [value for told in seeds.values() if (value := read(told)) is not None]
            if task.startswith(PARITY) and values:
                least = 1 / min(told["test_rows"] for told in seeds.values())
                found[network] = mean_interval(values, resolution=least)
        return weakest(found, above=above)

    return statistic


_SOURCE = "an intervention of ours on Vyas et al. 2022, kernels in training; thresholds fixed before the run"

CLAIMS = (
    Claim(
        id="freeze",
        statement="What training does to the kernel in its first tenth is needed: frozen at the start, the kernel does "
        "not learn three-parity, and frozen after a tenth it does.",
        source=_SOURCE,
        study="freeze",
        measured="test error when frozen at the start less that when frozen after a tenth of the epochs, mean over "
        "seeds",
        threshold=0.3,
        above=True,
        statistic=_statistic(needed, above=True),
    ),
    Claim(
        id="freeze-keeps",
        statement="Frozen after a tenth of training, the kernel keeps the network's error.",
        source=_SOURCE,
        study="freeze",
        measured="test error when frozen after a tenth of the epochs less that of the network, mean over seeds",
        threshold=0.05,
        above=False,
        statistic=_statistic(lost, above=False),
    ),
    Claim(
        id="freeze-lead",
        statement="The kernel learns before the network: frozen last before the network itself has learnt, it ends "
        "well ahead of where it ends frozen at the start.",
        source=_SOURCE,
        study="freeze",
        measured="test error when frozen at the start less that when frozen last before the network was within 0.05 of "
        "its error at the end, mean over seeds",
        threshold=0.1,
        above=True,
        statistic=_statistic(lead, above=True),
    ),
)
