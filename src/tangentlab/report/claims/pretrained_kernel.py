"""Claims on the kernel that training made: it trains far faster, and it tests like the network that made it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.claims.eigenfunctions import Told, tasks_of, value
from tangentlab.report.claims.readings import by_network, over_seeds, weakest
from tangentlab.report.claims.rotation import exponentiated
from tangentlab.report.intervals import Interval


def over_tasks(records: Sequence[Record], read: Callable[[Told], float | None]) -> dict[str, Interval | None]:
    """The interval over seeds of a reading, for each network and eigenfunction."""
    found = {}
    for network, seeds in by_network(records).items():
        for index in sorted({task["index"] for held in seeds.values() for task in tasks_of(held[0])}):

            def of(held: Sequence[Record], index: int = index) -> float | None:
                mine = [task for task in tasks_of(held[0]) if task["index"] == index]
                return read(mine[0]) if mine else None

            found[f"{network}, eigenfunction {index}"] = over_seeds(seeds, of)
    return found


def _loss_against_start(learner: str) -> Callable[[Sequence[Record]], Statistic | None]:
    def read(task: Told) -> float | None:
        ours, theirs = (value(task, name, "train_loss") for name in (learner, "linear-init"))
        return math.log2(ours / theirs) if ours and theirs else None

    def statistic(records: Sequence[Record]) -> Statistic | None:
        return exponentiated(weakest(over_tasks(records, read), above=False))

    return statistic


def _steps_against_start(records: Sequence[Record]) -> Statistic | None:
    """Steps at the matched rate over those at the start, to the lowest loss level that both came to."""

    def read(task: Told) -> float | None:
        counts = [value(task, name, "steps") or {} for name in ("linear-end-matched", "linear-init")]
        both = sorted((level for level in counts[0] if counts[0][level] and counts[1].get(level)), key=float)
        return math.log2(counts[0][both[0]] / counts[1][both[0]]) if both else None

    return exponentiated(weakest(over_tasks(records, read), above=False))


def _apart(first: str, second: str) -> Callable[[Told], float]:
    """Test accuracy of one learner minus that of another."""
    return lambda task: value(task, first, "test_accuracy") - value(task, second, "test_accuracy")


def _off_the_network(records: Sequence[Record]) -> Statistic | None:
    apart = _apart("linear-end", "network")
    return weakest(over_tasks(records, lambda task: abs(apart(task))), above=False)


def _behind_the_start(records: Sequence[Record]) -> Statistic | None:
    return weakest(over_tasks(records, _apart("linear-init", "linear-end")), above=True)


_SOURCE = "Ortiz-Jimenez et al. 2021, kernels before and after training"
CLAIMS = (
    Claim(
        id="CA7",
        statement="The linearization at the end of training fits the network's task far better than the one at the "
        "start, in as many steps.",
        source=_SOURCE,
        study="pretrained-kernel",
        measured="train loss that it ends with over that of the linearization at the start, geometric mean over seeds, "
        "weakest network and eigenfunction",
        threshold=0.5,
        above=False,
        statistic=_loss_against_start("linear-end"),
    ),
    Claim(
        id="CA7b",
        statement="The linearization at the end of training tests like the network.",
        source=_SOURCE,
        study="pretrained-kernel",
        measured="absolute difference of test accuracies, mean over seeds, weakest network and eigenfunction",
        threshold=0.03,
        above=False,
        statistic=_off_the_network,
    ),
    Claim(
        id="CA7c",
        statement="On eigenfunctions of the initial kernel it generalizes worse than the linearization at the start: "
        "the kernel's evolution carries the overfitting.",
        source=f"{_SOURCE}, second version",
        study="pretrained-kernel",
        measured="test accuracy of the linearization at the start minus that at the end, mean over seeds, weakest "
        "network and eigenfunction",
        threshold=0.03,
        above=True,
        statistic=_behind_the_start,
    ),
    Claim(
        id="CA7d",
        statement="It fits better also where both have the same learning rate times largest eigenvalue.",
        source="our own check of the claim above",
        study="pretrained-kernel",
        measured="train loss that it ends with at the matched rate over that of the linearization at the start, "
        "geometric mean over seeds, weakest network and eigenfunction",
        threshold=0.5,
        above=False,
        statistic=_loss_against_start("linear-end-matched"),
    ),
    Claim(
        id="CA7e",
        statement="At that rate it comes to a loss in half as many steps: the kernel has turned and not only grown.",
        source="our own check of the claim above",
        study="pretrained-kernel",
        measured="steps at the matched rate over those of the linearization at the start, to the lowest loss that "
        "both came to, geometric mean over seeds, weakest network and eigenfunction",
        threshold=0.5,
        above=False,
        statistic=_steps_against_start,
    ),
)
