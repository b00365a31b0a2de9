"""Claims on eigenfunction tasks: accuracy falls with the index, and the linearization leads in the middle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.readings import by_network, over_seeds, reading, second_best, weakest
from tangentlab.report.intervals import Interval, spearman
from tangentlab.report.jackknife import jackknife_interval

LEARNERS = {"network": "network", "linear-init": "linearization"}
MIDDLE = (20, 200)
"""Indices between these are the middle range, in which the linearization is to lead."""
LEAST = 4
"""Tasks without which ranks say nothing."""

Told = Mapping[str, Any]
Read = Callable[[Told], float | None]


def tasks_of(record: Record) -> list[Told]:
    """What a record tells of each task, by rising index.

    >>> tasks_of(Record(fingerprint="a", spec={}, readings={"tasks": [{"index": 3}, {"index": 1}]}))
    [{'index': 1}, {'index': 3}]
    """
    return sorted(reading(record, "tasks") or [], key=lambda task: task["index"])


def value(task: Told, learner: str, name: str) -> Any:
    """A reading of a learner on a task; None where there is none.

    >>> value({"learners": {"network": {"distance": 2.0}}}, "network", "distance")
    2.0
    """
    return task["learners"].get(learner, {}).get(name)


def steps_to(task: Told, learner: str, level: str) -> float | None:
    """Steps to a loss; infinitely many where it was not reached, None where it was not asked.

    >>> steps_to({"learners": {"network": {"steps": {"0.2": None}}}}, "network", "0.2")
    inf
    """
    counted = value(task, learner, "steps") or {}
    if level not in counted:
        return None
    return math.inf if counted[level] is None else float(counted[level])


def common_level(records: Sequence[Record], learner: str) -> str | None:
    """The lowest of the loss levels that the learner reached on every task of every record; else the highest.

    >>> common_level([], "network") is None
    True
    """
    tasks = [task for record in records for task in tasks_of(record)]
    asked = [set(value(task, learner, "steps") or {}) for task in tasks]
    levels = sorted(set.intersection(*asked), key=float) if asked else []
    reached = [
        level for level in levels if all(math.isfinite(steps_to(task, learner, level) or 0) for task in tasks)
    ]
    return reached[0] if reached else levels[-1] if levels else None


def middle(record: Record) -> list[Told]:
    """The tasks of the middle range."""
    return [task for task in tasks_of(record) if MIDDLE[0] <= task["index"] <= MIDDLE[1]]


def lead(task: Told) -> float:
    """By how much the linearization's test accuracy is above the network's."""
    return value(task, "linear-init", "test_accuracy") - value(task, "network", "test_accuracy")


def correlation(
    seeds: Mapping[int, Sequence[Record]],
    ours: Read,
    theirs: Read,
    *,
    told: Callable[[Record], Sequence[Told]] = tasks_of,
) -> Interval | None:
    """Spearman's correlation over tasks of two readings, each the mean over seeds, with a jackknife over seeds.

    Tasks are what is `told` by a record, by index. None for fewer than 4 tasks that all seeds have.
    """

    def of(held: Sequence[Record]) -> float | None:
        by_index = [{task["index"]: task for task in told(record)} for record in held]
        pairs = []
        for index in sorted(set.intersection(*(set(tasks) for tasks in by_index))):
            means = [_mean([read(tasks[index]) for tasks in by_index]) for read in (ours, theirs)]
            if None not in means:
                pairs.append(means)
        return spearman(*zip(*pairs)).value if len(pairs) >= LEAST else None

    held = [of_seed[0] for of_seed in seeds.values()]
    count = max((len(told(record)) for record in held), default=0)
    step = 12 / (count * (count**2 - 1)) if count > 1 else 0.0  # two neighbours exchanged
    return jackknife_interval(held, of, resolution=step / 12**0.5, within=(-1.0, 1.0))  # as rounding to steps has


def _mean(values: Sequence[float | None]) -> float | None:
    told = [one for one in values if one is not None]
    return sum(told) / len(told) if len(told) == len(values) else None


def _index(task: Told) -> float:
    return float(task["index"])


def _reads(learner: str, name: str) -> Read:
    return lambda task: value(task, learner, name)


def _falls_with_index(records: Sequence[Record]) -> Statistic | None:
    found = {
        f"{network}, {words}": correlation(seeds, _index, _reads(learner, "test_accuracy"))
        for network, seeds in by_network(records).items()
        for learner, words in LEARNERS.items()
    }
    return weakest(found, above=False)


def _takes_longer(records: Sequence[Record]) -> Statistic | None:
    found = {}
    for network, seeds in by_network(records).items():
        for learner, words in LEARNERS.items():
            level = common_level([held[0] for held in seeds.values()], learner)
            if level is not None:
                reads = lambda task, learner=learner, level=level: steps_to(task, learner, level)  # noqa: E731
                found[f"{network}, {words}, to loss {level}"] = correlation(seeds, _index, reads)
    return weakest(found, above=True)


def _goes_farther(records: Sequence[Record]) -> Statistic | None:
    found = {
        f"{network}, {words}": correlation(seeds, _index, _reads(learner, "distance"))
        for network, seeds in by_network(records).items()
        for learner, words in LEARNERS.items()
    }
    return weakest(found, above=True)


def _same_order(records: Sequence[Record]) -> Statistic | None:
    ours, theirs = (_reads(learner, "test_accuracy") for learner in LEARNERS)
    found = {network: correlation(seeds, ours, theirs) for network, seeds in by_network(records).items()}
    return weakest(found, above=True)


def _leads_in_the_middle(records: Sequence[Record]) -> Statistic | None:
    def mean_lead(held: Sequence[Record]) -> float | None:
        leads = [lead(task) for task in middle(held[0])]
        return sum(leads) / len(leads) if leads else None

    found = {network: over_seeds(seeds, mean_lead) for network, seeds in by_network(records).items()}
    return second_best(found, above=True)


def _overfits_in_the_middle(records: Sequence[Record]) -> Statistic | None:
    def least(held: Sequence[Record]) -> float | None:
        return min((value(task, "network", "train_accuracy") for task in middle(held[0])), default=None)

    found = {network: over_seeds(seeds, least) for network, seeds in by_network(records).items()}
    return weakest(found, above=True)


_SOURCE = "Ortiz-Jimenez et al. 2021, eigenfunctions of the NTK"
CLAIMS = (
    Claim(
        id="CA1",
        statement="The higher the index of an eigenfunction, the less accurately it is learnt, by the network and by "
        "its linearization.",
        source=_SOURCE,
        study="eigenfunctions",
        measured="Spearman's correlation of index and test accuracy, of means over seeds, weakest network and learner",
        threshold=-0.9,
        above=False,
        statistic=_falls_with_index,
    ),
    Claim(
        id="CA1b",
        statement="Network and linearization find the same eigenfunctions hard.",
        source=_SOURCE,
        study="eigenfunctions",
        measured="Spearman's correlation of the two test accuracies over indices, of means over seeds, weakest network",
        threshold=0.9,
        above=True,
        statistic=_same_order,
    ),
    Claim(
        id="CA2",
        statement="There is a range of indices in which the linearization generalizes better than the network, for two "
        "architectures at least.",
        source=_SOURCE,
        study="eigenfunctions",
        measured="test accuracy of the linearization minus that of the network, mean over indices 20 to 200 and seeds, "
        "second best architecture",
        threshold=0.05,
        above=True,
        statistic=_leads_in_the_middle,
    ),
    Claim(
        id="CA2b",
        statement="Where the linearization leads, the network overfits and does not underfit: it learns its rows.",
        source="Ortiz-Jimenez et al. 2021, second version",
        study="eigenfunctions",
        measured="least train accuracy of the network over indices 20 to 200, mean over seeds, weakest network",
        threshold=0.95,
        above=True,
        statistic=_overfits_in_the_middle,
    ),
    Claim(
        id="CA5",
        statement="The higher the index of an eigenfunction, the more steps it takes to learn.",
        source=_SOURCE,
        study="eigenfunctions",
        measured="Spearman's correlation of index and steps to the lowest loss that every task came to, of means over "
        "seeds, weakest network and learner",
        threshold=0.9,
        above=True,
        statistic=_takes_longer,
    ),
    Claim(
        id="CA5b",
        statement="The higher the index of an eigenfunction, the farther the parameters travel.",
        source=_SOURCE,
        study="eigenfunctions",
        measured="Spearman's correlation of index and distance travelled, of means over seeds, weakest network and "
        "learner",
        threshold=0.9,
        above=True,
        statistic=_goes_farther,
    ),
)
