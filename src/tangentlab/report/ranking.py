"""Whether a kernel at initialization ranks the tasks as the network finds them hard."""

from __future__ import annotations

from dataclasses import dataclass

from tangentlab.report.comparison import Comparison, Setting
from tangentlab.report.intervals import MIN_SEEDS, MIN_TASKS, Correlation, spearman

# name, where the reading lies at an anchor, +1 if a larger value should mean an easier task
PREDICTORS = (
    ("alignment", ("alignment", "trace_normalized"), 1),
    ("yᵀK⁻¹y", ("complexity", "normalized"), -1),
)


@dataclass(frozen=True)
class Ranking:
    """Rank agreement, over tasks, of a predictor at initialization with the network's test accuracy.

    +1: the tasks lie in the order foretold, the easier ones learnt better; −1: in the opposite order. For yᵀK⁻¹y,
    of which less is easier, the sign of the correlation is turned so that +1 means the same.

    >>> str(Ranking("mlp", 100, "alignment", Correlation(0.5, None, None, 3), seeds=3))
    'cannot tell: 3 tasks, and 4 are needed at the least'
    """

    network: str
    samples: int
    predictor: str
    agreement: Correlation
    seeds: int

    @property
    def outcome(self) -> str:
        """The order of the tasks "agrees" or "disagrees", or the runs "cannot tell"."""
        if self.seeds < MIN_SEEDS:
            return "cannot tell"
        return {1: "agrees", -1: "disagrees", 0: "cannot tell"}[self.agreement.sign]

    def __str__(self) -> str:
        tasks = f"{self.agreement.n} task{'' if self.agreement.n == 1 else 's'}"
        if self.agreement.n < MIN_TASKS:
            return f"cannot tell: {tasks}, and {MIN_TASKS} are needed at the least"
        if self.seeds < MIN_SEEDS:
            return f"cannot tell: too few seeds ({self.seeds})"
        if self.agreement.value is None or self.agreement.low is None or self.agreement.high is None:
            return "cannot tell: one side is the same for all tasks"
        numbers = (self.agreement.value, self.agreement.low, self.agreement.high)
        value, low, high = (f"{number:.2f}".replace("-", "−") for number in numbers)
        return f"{self.outcome}: Spearman {value}, {low} to {high}, {tasks}"


def rank_tasks(comparison: Comparison, *, level: float = 0.95) -> tuple[Ranking, ...]:
    """One ranking for each network, size and predictor; readings and accuracies are averaged over seeds first.

    The intervals of all rankings at one size hold together at `level` (Bonferroni).

    >>> rank_tasks(Comparison.of([]))
    ()
    """
    found = []
    each = 1 - (1 - level) / max(len(comparison.networks) * len(PREDICTORS), 1)
    for network in comparison.networks:
        for samples in comparison.sizes:
            for name, path, sign in PREDICTORS:
                foretold, learnt, seeds = _pairs(comparison, network, samples, path)
                if seeds:
                    agreement = spearman([sign * value for value in foretold], learnt, level=each)
                    found.append(Ranking(network, samples, name, agreement, min(seeds)))
    return tuple(found)


def _pairs(
    comparison: Comparison, network: str, samples: int, path: tuple[str, ...]
) -> tuple[list[float], list[float], list[int]]:
    """For each task: the mean reading, the network's mean test accuracy, and over how many seeds."""
    foretold, learnt, seeds = [], [], []
    for task in comparison.tasks:
        setting = Setting(network, task, samples)
        readings = comparison.values(setting, "anchors", "init", *path)
        accuracies = comparison.accuracies(setting, "network")
        shared = readings.keys() & accuracies.keys()
        if shared:
            foretold.append(sum(readings[s] for s in shared) / len(shared))
            learnt.append(sum(accuracies[s] for s in shared) / len(shared))
            seeds.append(len(shared))
    return foretold, learnt, seeds
