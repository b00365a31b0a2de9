"""The tables of a comparison: what was found, with its intervals, as cells of text."""

from __future__ import annotations

from collections.abc import Sequence

from tangentlab.report.comparison import OPPONENTS, Comparison
from tangentlab.report.findings import Finding, find
from tangentlab.report.intervals import MIN_SEEDS, MIN_TASKS, Interval, mean_interval
from tangentlab.report.page_table import Cell, Table
from tangentlab.report.verdict import Verdict
from tangentlab.report.wording import percent, points_interval, signed_points

_MARKS = {"ahead": "▲ ahead", "behind": "▼ behind", "cannot tell": "○ cannot tell"}
_TURNS = {"crosses": "◆ depends on samples", "reversed": "◆ depends on samples", "mixed": "◆ depends on setting"}


def findings_table(verdict: Verdict, comparison: Comparison) -> Table:
    """Every setting against the verdict's opponent: both accuracies, the difference, its interval, the outcome.

    >>> from tangentlab.report.verdict import reach_verdict
    >>> findings_table(reach_verdict([]), Comparison.of([])).rows
    ()
    """
    rows, opponent = [], verdict.opponent or OPPONENTS[0]
    for finding in verdict.findings:
        d, setting = finding.difference, finding.setting
        rows.append(
            (
                Cell(setting.network, style="name"),
                Cell(setting.task, style="name"),
                Cell(f"{setting.samples:,}", style="number"),
                Cell(signed_points(d.mean), style="number strong"),
                Cell(points_interval(d), style="number"),
                Cell(_MARKS[finding.outcome], detail=_few(finding), style=f"outcome {finding.outcome.split()[0]}"),
                Cell("yes" if finding.stands else "–", style="centre"),
                _accuracy(comparison.accuracies(setting, "network")),
                _accuracy(comparison.accuracies(setting, opponent)),
            )
        )
    return Table(
        "findings-table",
        f"Network against {opponent}, setting by setting",
        "Differences are in percentage points of test accuracy, network minus the other, paired by seed. Each 95% "
        "interval stands by itself, and one in twenty leaves out zero by chance alone. Holm: which outcomes remain "
        "after his correction for all of them. Accuracies are means over seeds, ± half of their own interval.",
        (
            "Network",
            "Task",
            "Samples",
            "Difference",
            "95% interval",
            "Network is",
            "Holm",
            "network, %",
            f"{opponent}, %",
        ),
        _merged(rows, 2),
    )


def overall_table(verdict: Verdict) -> Table:
    """The average over settings of each network against each linear learner.

    >>> from tangentlab.report.verdict import reach_verdict
    >>> overall_table(reach_verdict([])).rows
    ()
    """
    rows = []
    for each in (*verdict.overall, *verdict.others):
        d, outcome = each.difference, each.outcome
        told = _TURNS.get(outcome) or _MARKS[outcome]
        rows.append(
            (
                Cell(each.opponent, style="name"),
                Cell(each.network, style="name"),
                Cell(signed_points(d.mean) if d else "–", style="number strong"),
                Cell(points_interval(d) if d else "no setting that every seed finished", style="number"),
                Cell(percent(d.level) if d else "–", style="number"),
                Cell(f"{each.settings:,}", style="number"),
                Cell(f"{d.n:,}" if d else "–", style="number"),
                Cell(told, style=f"outcome {outcome.split()[0]}"),
            )
        )
    return Table(
        "overall-table",
        "Network against each linear learner, on average",
        "Points of test accuracy, network minus the other: the mean over all settings that every seed finished, then "
        f"over seeds. The levels are raised so that all intervals against {verdict.opponent or OPPONENTS[0]}, which "
        "the verdict is about, hold together at 95%, and so do all the others (Bonferroni).",
        ("Against", "Network", "Difference", "Interval", "Level", "Settings", "Seeds", "Network is"),
        _merged(rows, 1),
    )


def accuracy_table(comparison: Comparison) -> Table:
    """Test accuracy of every learner in every setting.

    >>> accuracy_table(Comparison.of([])).rows
    ()
    """
    rows = []
    for setting in comparison.settings:
        accuracies = [comparison.accuracies(setting, learner) for learner in comparison.learners]
        if any(accuracies):
            rows.append((*_names(setting), *(_accuracy(values) for values in accuracies)))
    return Table(
        "accuracy-table",
        "Test accuracy of every learner",
        "Mean over seeds in percent, ± half of the 95% Student-t interval where there are at least two seeds.",
        ("Network", "Task", "Samples", *comparison.learners),
        _merged(rows, 2),
    )


def gap_table(comparison: Comparison) -> Table:
    """Network minus each linear learner in every setting.

    >>> gap_table(Comparison.of([])).rows
    ()
    """
    opponents = [name for name in OPPONENTS if name in comparison.learners]
    found = {(f.setting, f.opponent): f.difference for name in opponents for f in find(comparison, name)}
    rows = []
    for setting in comparison.settings:
        if any((setting, name) in found for name in opponents):
            rows.append((*_names(setting), *(_difference(found.get((setting, name))) for name in opponents)))
    return Table(
        "gap-table",
        "Network minus each linear learner",
        "Percentage points of test accuracy, paired by seed, with the 95% Student-t interval of each by itself.",
        ("Network", "Task", "Samples", *(f"− {name}" for name in opponents)),
        _merged(rows, 2),
    )


def crossing_table(verdict: Verdict) -> Table:
    """The sample size from which each network leads on each task.

    >>> from tangentlab.report.verdict import reach_verdict
    >>> crossing_table(reach_verdict([])).rows
    ()
    """
    rows = [
        (
            Cell(c.network, style="name"),
            Cell(c.task, style="name"),
            Cell(str(c), style="words"),
            Cell("yes" if c.stands else "–", style="centre"),
        )
        for c in verdict.crossings
        if c.low < c.high
    ]
    return Table(
        "crossing-table",
        "From how many samples on the network is ahead",
        "Interpolated in the logarithm of the sample size, between the last size at which the network is behind and "
        "the first at which it is ahead; anything less is no crossing.",
        ("Network", "Task", "The network takes the lead", "Holm"),
        _merged(rows, 1),
    )


def ranking_table(verdict: Verdict) -> Table:
    """Whether alignment and complexity at initialization rank the tasks.

    >>> from tangentlab.report.verdict import reach_verdict
    >>> ranking_table(reach_verdict([])).rows
    ()
    """
    rows = []
    for ranking in verdict.rankings:
        if ranking.agreement.n < MIN_TASKS:
            continue
        value = ranking.agreement.value
        shown = "–" if value is None else f"{value:.2f}".replace("-", "−")
        rows.append(
            (
                Cell(ranking.network, style="name"),
                Cell(f"{ranking.samples:,}", style="number"),
                Cell(ranking.predictor),
                Cell(shown, style="number strong"),
                Cell(str(ranking), style="words"),
            )
        )
    return Table(
        "ranking-table",
        "Do alignment and yᵀK⁻¹y at initialization rank the tasks?",
        "Spearman's correlation over tasks with the network's mean test accuracy; +1: the task that the kernel finds "
        "easiest is learnt best, and so on down. Intervals hold together for all rankings at one size (Bonferroni).",
        ("Network", "Samples", "Reading", "Agreement", "In words"),
        _merged(rows, 1),
    )


def _few(finding: Finding) -> str:
    return f", {finding.reason}" if finding.difference.n < MIN_SEEDS else ""


def _names(setting) -> tuple[Cell, Cell, Cell]:
    return (
        Cell(setting.network, style="name"),
        Cell(setting.task, style="name"),
        Cell(f"{setting.samples:,}", style="number"),
    )


def _accuracy(values: dict[int, float]) -> Cell:
    if not values:
        return Cell("–", style="number")
    interval = mean_interval([100 * value for value in values.values()])
    half = "" if interval.low is None else f"± {interval.mean - interval.low:.1f}"
    return Cell(f"{interval.mean:.1f}", detail=half, style="number")


def _difference(interval: Interval | None) -> Cell:
    if interval is None:
        return Cell("–", style="number")
    return Cell(signed_points(interval.mean), detail=points_interval(interval), style="number")


def _merged(rows: Sequence[tuple[Cell, ...]], columns: int) -> tuple[tuple[Cell, ...], ...]:
    """Equal names that follow each other in the first columns become one cell that spans the rows."""
    merged: list[tuple[Cell, ...]] = []
    for index, row in enumerate(rows):
        kept: list[Cell] = []
        for column in range(columns):
            key = [cell.text for cell in row[: column + 1]]
            if index and key == [cell.text for cell in rows[index - 1][: column + 1]]:
                continue
            span = 1
            while index + span < len(rows) and key == [c.text for c in rows[index + span][: column + 1]]:
                span += 1
            kept.append(Cell(row[column].text, row[column].detail, row[column].style, span))
        merged.append((*kept, *row[columns:]))
    return tuple(merged)
