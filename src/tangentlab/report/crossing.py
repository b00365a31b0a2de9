"""The sample size from which a network is ahead of its linearization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tangentlab.report.findings import AHEAD, BEHIND, CANNOT_TELL, Finding


@dataclass(frozen=True)
class Crossing:
    """Where the lead changes hands for one network and task.

    `state` is "crosses" (behind at `low` samples, ahead from `high` on, and near `samples` in between), "ahead"
    (nowhere behind, and ahead at the smallest size), "behind" (nowhere ahead, and behind at the largest size),
    "reversed" (ahead up to `low`, behind from `high` on) or "cannot tell". Only in the first is there a crossing.
    `stands`: the findings that decide it remain after Holm's correction for all settings.
    """

    network: str
    task: str
    state: str
    samples: float | None
    low: int
    high: int
    stands: bool

    def __str__(self) -> str:
        if self.state == "crosses" and self.samples is not None:
            return f"about {rounded(self.samples):,} samples (between {self.low:,} and {self.high:,})"
        if self.state == AHEAD:
            return f"not within range: ahead already at {self.low:,}"
        if self.state == BEHIND:
            return f"not within range: still behind at {self.high:,}"
        if self.state == "reversed":
            return f"none: the lead is lost between {self.low:,} and {self.high:,}"
        return CANNOT_TELL


def find_crossing(findings: Sequence[Finding]) -> Crossing:
    """The crossing in the findings of one network, task and opponent, which may come in any order.

    A size decides only if its interval leaves out zero. Between the last at which the network is behind and the first
    at which it is ahead, the mean differences are interpolated linearly in log n, from the last size whose difference
    is not positive to the next.

    >>> from tangentlab.report.comparison import Setting
    >>> from tangentlab.report.intervals import Interval
    >>> def at(n, d):
    ...     return Finding(Setting("mlp", "a", n), "linear-init", Interval(d, d - 0.01, d + 0.01, 3), stands=True)
    >>> print(find_crossing([at(100, -0.02), at(10_000, 0.02)]))
    about 1,000 samples (between 100 and 10,000)
    >>> print(find_crossing([at(100, 0.02), at(1000, 0.05)]))
    not within range: ahead already at 100
    >>> print(find_crossing([at(100, -0.001), at(1000, 0.05)]))
    cannot tell
    """
    ordered = sorted(findings, key=lambda finding: finding.setting.samples)
    sizes = [finding.setting.samples for finding in ordered]
    means = [finding.difference.mean for finding in ordered]
    outcomes = [finding.outcome for finding in ordered]
    network, task = ordered[0].setting.network, ordered[0].setting.task
    ahead = [i for i, outcome in enumerate(outcomes) if outcome == AHEAD]
    behind = [i for i, outcome in enumerate(outcomes) if outcome == BEHIND]
    stands = all(any(ordered[i].stands for i in indices) for indices in (ahead, behind))
    if ahead and behind and behind[-1] < ahead[0]:
        first, last = behind[-1], ahead[0]
        before = max(i for i in range(first, last) if means[i] <= 0)
        share = means[before] / (means[before] - means[before + 1])
        logs = math.log(sizes[before]), math.log(sizes[before + 1])
        samples = math.exp(logs[0] + share * (logs[1] - logs[0]))
        return Crossing(network, task, "crosses", samples, sizes[first], sizes[last], stands)
    if ahead and behind and ahead[-1] < behind[0]:
        return Crossing(network, task, "reversed", None, sizes[ahead[-1]], sizes[behind[0]], stands)
    if outcomes[0] == AHEAD and not behind:
        return Crossing(network, task, AHEAD, None, sizes[0], sizes[-1], ordered[0].stands)
    if outcomes[-1] == BEHIND and not ahead:
        return Crossing(network, task, BEHIND, None, sizes[0], sizes[-1], ordered[-1].stands)
    return Crossing(network, task, CANNOT_TELL, None, sizes[0], sizes[-1], stands=False)


def rounded(samples: float) -> int:
    """Two digits are all that an interpolation between a few sizes can promise.

    >>> rounded(436.2), rounded(7.9), rounded(12345.0)
    (440, 8, 12000)
    """
    scale = 10 ** max(math.floor(math.log10(samples)) - 1, 0)
    return round(samples / scale) * scale
