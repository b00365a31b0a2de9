"""A network against its linearization on average over everything that was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tangentlab.report.comparison import Comparison
from tangentlab.report.crossing import Crossing
from tangentlab.report.findings import AHEAD, BEHIND, CANNOT_TELL, Finding
from tangentlab.report.intervals import Interval, mean_interval


@dataclass(frozen=True)
class Overall:
    """A network against its opponent on average over the settings that every seed finished.

    The interval is over seeds, at a level at which the intervals of all networks and opponents of one
    `find_overall` hold together (Bonferroni).
    `turn` is "crosses" or "reversed" if on some task the lead changes hands with the sample size, "mixed" if settings
    stand on both sides of zero for another reason, and "" otherwise: an average would hide it. `turn_stands` says
    whether it remains after Holm's correction for all settings.

    >>> Overall("mlp", "linear-init", Interval(0.02, 0.01, 0.03, 3), settings=4).outcome
    'ahead'
    """

    network: str
    opponent: str
    difference: Interval | None
    settings: int
    turn: str = ""
    turn_stands: bool = False

    @property
    def outcome(self) -> str:
        """`turn` if there is one, else "ahead", "behind" or "cannot tell"."""
        if self.turn:
            return self.turn
        return {1: AHEAD, -1: BEHIND, 0: CANNOT_TELL}[self.difference.sign if self.difference else 0]


def find_overall(
    comparison: Comparison,
    *,
    findings: Sequence[Finding],
    crossings: Sequence[Crossing] = (),
    level: float = 0.95,
) -> tuple[Overall, ...]:
    """One average over settings for each network and opponent that have a finding.

    `crossings` are those of the same findings; where they are not given, `turn` is "mixed" at the most.

    >>> find_overall(Comparison.of([]), findings=())
    ()
    """
    pairs = list(dict.fromkeys((finding.opponent, finding.setting.network) for finding in findings))
    each = 1 - (1 - level) / max(len(pairs), 1)
    found = []
    for opponent, network in pairs:
        ours = [f for f in findings if (f.opponent, f.setting.network) == (opponent, network)]
        by_setting = [_differences(comparison, finding) for finding in ours]
        seeds = set().union(*by_setting)
        complete = [(f, d) for f, d in zip(ours, by_setting) if set(d) == seeds]
        difference = None
        if complete:
            means = [sum(d[s] for _, d in complete) / len(complete) for s in sorted(seeds)]
            step = max(comparison.resolution(f.setting) for f, _ in complete) / len(complete) ** 0.5
            difference = mean_interval(means, level=each, resolution=step)
        turns = _turn(network, ours, crossings)
        found.append(Overall(network, opponent, difference, len(complete), *turns))
    return tuple(found)


def _turn(network: str, findings: Sequence[Finding], crossings: Sequence[Crossing]) -> tuple[str, bool]:
    turns = [c for c in crossings if c.network == network and c.state in ("crosses", "reversed")]
    states = {crossing.state for crossing in turns}
    if len(states) == 1:
        return states.pop(), any(crossing.stands for crossing in turns)
    mixed = {AHEAD, BEHIND} <= {finding.outcome for finding in findings if finding.stands}
    return ("mixed", mixed) if states or mixed else ("", False)


def _differences(comparison: Comparison, finding: Finding) -> dict[int, float]:
    ours = comparison.accuracies(finding.setting, "network")
    theirs = comparison.accuracies(finding.setting, finding.opponent)
    return {seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()}
