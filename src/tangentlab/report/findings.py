"""Who wins where, and by how much: paired differences of test accuracy over seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tangentlab.report.comparison import OPPONENTS, Comparison, Setting
from tangentlab.report.intervals import MIN_SEEDS, Interval, holm, paired_difference

AHEAD, BEHIND, CANNOT_TELL = "ahead", "behind", "cannot tell"


@dataclass(frozen=True)
class Finding:
    """The network against one linear learner in one setting: `difference` is network − opponent, paired by seed.

    `outcome` is the network's: "ahead", "behind" or "cannot tell", from this setting's own interval; `stands` says
    whether it remains after Holm's correction for all settings with the same opponent.

    >>> finding = Finding(Setting("mlp", "parity", 9), "linear-init", Interval(0.1, 0.05, 0.15, 3), stands=True)
    >>> finding.outcome, finding.reason
    ('ahead', '')
    """

    setting: Setting
    opponent: str
    difference: Interval
    stands: bool

    @property
    def outcome(self) -> str:
        """The network is "ahead", "behind", or the seeds "cannot tell"."""
        return _outcome(self.difference)

    @property
    def reason(self) -> str:
        """Why the seeds cannot tell, or nothing."""
        if self.outcome != CANNOT_TELL:
            return ""
        return "too few seeds" if self.difference.n < MIN_SEEDS else "the interval holds zero"


def main_opponent(comparison: Comparison) -> str | None:
    """The linear learner that verdicts speak of: linear-init, or the first other one that was run.

    >>> main_opponent(Comparison.of([])) is None
    True
    """
    return next((name for name in OPPONENTS if name in comparison.learners), None)


def find(comparison: Comparison, opponent: str, *, level: float = 0.95) -> tuple[Finding, ...]:
    """One finding for each setting in which the network and `opponent` share a seed.

    >>> find(Comparison.of([]), "linear-init")
    ()
    """
    found = []
    for setting in comparison.settings:
        difference = paired_difference(
            comparison.accuracies(setting, "network"),
            comparison.accuracies(setting, opponent),
            level=level,
            resolution=comparison.resolution(setting),
        )
        if difference is not None:
            found.append(Finding(setting, opponent, difference, stands=False))
    stands = holm([finding.difference.p for finding in found], level=level)
    return tuple(replace(f, stands=s and f.outcome != CANNOT_TELL) for f, s in zip(found, stands))


def _outcome(difference: Interval) -> str:
    return {1: AHEAD, -1: BEHIND, 0: CANNOT_TELL}[difference.sign]
