"""What the records say in words, and no more than they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tangentlab.records import Record
from tangentlab.report.comparison import OPPONENTS, Comparison
from tangentlab.report.crossing import Crossing, find_crossing
from tangentlab.report.findings import AHEAD, BEHIND, CANNOT_TELL, Finding, find, main_opponent
from tangentlab.report.intervals import MIN_SEEDS
from tangentlab.report.overall import Overall, find_overall
from tangentlab.report.ranking import PREDICTORS, Ranking, rank_tasks
from tangentlab.report.wording import count, joined, percent, points_interval, shortened, signed_points

_OUTCOMES = {
    AHEAD: "better {than}",
    "crosses": "worse {than} with few samples and better with many",
    "mixed": "better {than} in some settings and worse in others",
    "reversed": "better {than} with few samples and worse with many",
    BEHIND: "worse {than}",
    CANNOT_TELL: "",
}
_RANKS = {
    "agrees": "{name} ranks the tasks by how hard they are for {networks}",
    "disagrees": "{name} ranks the tasks the wrong way round for {networks}",
    CANNOT_TELL: "of {name} the runs cannot tell for {networks}",
}
_ORIGIN = {
    "linear-init": "the linearization at initialization",
    "linear-end": "the linearization at the trained weights",
    "ridge-init": "kernel regression with the kernel at initialization",
    "ridge-end": "kernel regression with the kernel at the trained weights",
    "infinite": "kernel regression with the kernel of infinite width",
}
_NOUNS = {"linear": "linearization", "ridge": "tangent kernel", "infinite": "kernel of infinite width"}


@dataclass(frozen=True)
class Verdict:
    """A headline, three sentences, and the findings under them.

    `findings` holds every setting against `opponent`, the linear learner that the verdict is about, and `overall` the
    averages over them; `others` holds the averages against every other linear learner, with a level of their own.
    """

    headline: str
    sentences: tuple[str, str, str]
    opponent: str | None
    findings: tuple[Finding, ...]
    overall: tuple[Overall, ...]
    others: tuple[Overall, ...]
    crossings: tuple[Crossing, ...]
    rankings: tuple[Ranking, ...]
    finished: int
    failed: int


def reach_verdict(records: Iterable[Record], *, spec: Mapping[str, Any] | None = None) -> Verdict:
    """The verdict of the records of one comparison.

    It rests on test accuracy, paired by seed, and says "cannot tell" with fewer than 3 seeds and wherever an
    interval holds zero.

    >>> reach_verdict([]).headline
    'Cannot tell: no cell has finished.'
    """
    comparison = Comparison.of(records, spec=spec)
    opponent = main_opponent(comparison)
    findings = find(comparison, opponent) if opponent else ()
    pairs = dict.fromkeys((f.setting.network, f.setting.task) for f in findings)
    crossings = tuple(
        find_crossing([f for f in findings if (f.setting.network, f.setting.task) == pair]) for pair in pairs
    )
    overall = find_overall(comparison, findings=findings, crossings=crossings)
    rest = [name for name in OPPONENTS if name in comparison.learners and name != opponent]
    others = find_overall(comparison, findings=[f for name in rest for f in find(comparison, name)])
    rankings = rank_tasks(comparison)
    return Verdict(
        headline=_headline(comparison, overall, others),
        sentences=(
            _who_wins(comparison, overall, others),
            _where(findings, crossings) + _failures(comparison),
            _foretelling(rankings),
        ),
        opponent=opponent,
        findings=findings,
        overall=overall,
        others=others,
        crossings=crossings,
        rankings=rankings,
        finished=comparison.finished,
        failed=len(comparison.failed),
    )


def _headline(comparison: Comparison, overall: tuple[Overall, ...], others: tuple[Overall, ...]) -> str:
    why_not = _why_not(comparison, overall)
    if why_not:
        return f"Cannot tell: {why_not}."
    kernel = {each.network: each.outcome for each in others if each.opponent == "ridge-init"}
    groups: dict[tuple[str, bool, str], list[Overall]] = {}
    for each in overall:
        against = (
            kernel.get(each.network, "") if {each.outcome, kernel.get(each.network)} == {AHEAD, BEHIND} else ""
        )
        groups.setdefault((each.outcome, each.turn_stands or not each.turn, against), []).append(each)
    clauses = []
    for outcome, sure, against in sorted(
        groups, key=lambda group: (list(_OUTCOMES).index(group[0]), not group[1])
    ):
        members = groups[outcome, sure, against]
        who, one = _named([each.network for each in members], total=len(overall)), len(members) == 1
        kind = members[0].opponent.partition("-")[0]
        noun = _NOUNS[kind] if one else _NOUNS[kind].replace("kernel", "kernels")
        noun += "s" if not one and kind == "linear" else ""
        than = f"than {'its' if one else 'their'} {noun}"
        verb = f"generalize{'s' if one and sure else ''}"
        if outcome == CANNOT_TELL:
            whole = f"Cannot tell whether {who} {verb} better {than}"
            clauses.append(f"for {who} these runs cannot tell" if clauses else whole)
            continue
        than += " under the same descent" if kind == "linear" else ""
        clause = f"{who} {'' if sure else 'may '}{verb} {_OUTCOMES[outcome].format(than=than)}"
        if against:
            clause += f", but {'better' if against == AHEAD else 'worse'} than kernel regression"
        clauses.append(clause)
    return f"{'; '.join(clauses)}."


def _named(names: list[str], *, total: int) -> str:
    if len(names) < 4:
        return joined([shortened(name) for name in names])
    return f"all {total} networks" if len(names) == total else f"{len(names)} of {total} networks"


def _why_not(comparison: Comparison, overall: tuple[Overall, ...]) -> str:
    """Why no verdict can be reached at all, or nothing."""
    if not comparison.finished:
        return "every cell failed" if comparison.failed else "no cell has finished"
    if "network" not in comparison.learners:
        return "the network itself was not among the learners"
    if main_opponent(comparison) is None:
        return "no linear learner was run beside the network"
    if not overall:
        return "network and linear learner share no finished cell with a test accuracy"
    most = max((each.difference.n for each in overall if each.difference), default=0)
    if 0 < most < MIN_SEEDS:
        return f"{count(most, 'seed')} {'is' if most == 1 else 'are'} too few, at least {MIN_SEEDS} are needed"
    return ""


def _who_wins(comparison: Comparison, overall: tuple[Overall, ...], others: tuple[Overall, ...]) -> str:
    if not overall:
        return f"Who wins, these runs cannot tell: {_why_not(comparison, overall)}."
    told = _averages(overall)
    kernel = tuple(each for each in others if each.opponent == "ridge-init")
    return f"{told} {_averages(kernel)}" if kernel else told


def _averages(overall: tuple[Overall, ...]) -> str:
    """The averages of all networks against one opponent, as a sentence."""
    told, clauses = [each.difference for each in overall if each.difference], []
    for each in overall[:3]:
        difference, name = each.difference, shortened(each.network)
        if difference is None:
            clauses.append(f"{name} has no setting that every seed finished")
            continue
        clause = f"{name} {signed_points(difference.mean)} ({points_interval(difference)})"
        clause += "" if difference.sign else ", too few seeds" if difference.n < MIN_SEEDS else ", within chance"
        clauses.append(clause)
    if len(overall) > 3:
        clauses.append(f"{count(len(overall) - 3, 'network')} more in the table")
    settings = max(each.settings for each in overall)
    over = f" averaged over {count(settings, 'setting')}" if settings > 1 else ""
    about = ""
    if told:
        fewest, most = min(d.n for d in told), max(d.n for d in told)
        seeds = count(most, "seed") if fewest == most else f"{fewest} to {count(most, 'seed')}"
        about = f" ({percent(told[0].level)} intervals, {seeds})"
    origin = _ORIGIN.get(next(each.opponent for each in overall))
    return f"Against {origin}, points of test accuracy{over}{about}: {'; '.join(clauses)}."


def _where(findings: tuple[Finding, ...], crossings: tuple[Crossing, ...]) -> str:
    if not findings:
        return "Where the lead changes hands, these runs cannot tell."
    total = len(findings)
    ahead, behind = (sum(f.outcome == outcome for f in findings) for outcome in (AHEAD, BEHIND))
    decided, stands = ahead + behind, sum(f.stands for f in findings)
    if not decided:
        which = f"any of {total:,} settings" if total > 1 else "the one setting"
        return f"Setting by setting, the runs cannot tell the two apart in {which}."
    text = f"Setting by setting, the network is ahead in {ahead:,} of {total:,} and behind in {behind:,}"
    if decided < total:
        text += f", and in {total - decided:,} the runs cannot tell"
    if total > 1:
        which = {0: f"none of the {decided:,} stands", decided: f"all {decided:,} stand"}
        text += f"; {which.get(stands, f'{stands:,} of the {decided:,} stand')}"
        text += f" after Holm's correction for {total:,} comparisons"
    seen = [crossing for crossing in crossings if crossing.state == "crosses"]
    if seen:
        text += f"; {shortened(seen[0].network)} takes the lead on {shortened(seen[0].task)} at {seen[0]}"
        text += f", and so on in {count(len(seen) - 1, 'more case')}" if len(seen) > 1 else ""
    elif len(sizes := sorted({finding.setting.samples for finding in findings})) > 1:
        text += f"; no crossing is seen between {sizes[0]:,} and {sizes[-1]:,} samples"
    return f"{text}."


def _failures(comparison: Comparison) -> str:
    failed, total = len(comparison.failed), comparison.finished + len(comparison.failed)
    if not failed:
        return ""
    return f" {failed} of {count(total, 'cell')} failed and {'is' if failed == 1 else 'are'} left out."


def _foretelling(rankings: tuple[Ranking, ...]) -> str:
    names = joined([name for name, _, _ in PREDICTORS])
    unknown = (
        f"Whether {names} at initialization rank the tasks as the network finds them hard, these runs cannot tell"
    )
    if not rankings:
        return f"{unknown}: they were not read."
    largest = max(ranking.samples for ranking in rankings)
    latest = [ranking for ranking in rankings if ranking.samples == largest]
    if all(ranking.outcome == CANNOT_TELL for ranking in latest):
        most = max(latest, key=lambda ranking: ranking.agreement.n)
        return f"{unknown}{str(most).removeprefix(CANNOT_TELL)}."
    clauses = []
    for name, _, _ in PREDICTORS:
        for outcome, verb in _RANKS.items():
            ours = [r for r in latest if r.predictor == name and r.outcome == outcome]
            if ours:
                told = [f"{shortened(r.network)} ({str(r).removeprefix(f'{outcome}: ')})" for r in ours]
                networks = len({ranking.network for ranking in latest})
                told = joined(told) if len(told) < 3 else _named([r.network for r in ours], total=networks)
                clauses.append(verb.format(name=name, networks=told))
    return f"At initialization and {largest:,} samples, {'; '.join(clauses)}."
