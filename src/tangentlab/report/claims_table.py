"""Claims as a table of words: for a page, a terminal and the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tangentlab.report.claims import Judgement
from tangentlab.report.page_table import Cell, Table
from tangentlab.report.wording import significant

MARKS = {"holds": "▲ holds", "falls": "▼ falls", "cannot tell": "○ cannot tell"}
_STYLES = {"holds": "ahead", "falls": "behind", "cannot tell": "cannot"}


def claims_table(judgements: Iterable[Judgement]) -> Table:
    """Every claim with its statistic, interval, threshold and verdict.

    >>> claims_table([]).rows
    ()
    """
    rows = []
    for each in judgements:
        row = each.to_dict()
        rows.append(
            (
                Cell(row["id"], style="name"),
                Cell(row["statement"], detail=row["source"]),
                Cell(row["measured"], detail=row["words"]),
                Cell(significant(row["statistic"]), style="number strong"),
                Cell(interval(row), style="number"),
                Cell(bound(row), style="number"),
                Cell(MARKS[each.verdict], style=f"outcome {_STYLES[each.verdict]}"),
            )
        )
    return Table(
        "claims-table",
        "Claims",
        "No threshold was moved after looking. A claim holds or falls where its whole 95% interval lies on one side "
        "of the threshold; otherwise the records cannot tell.",
        ("Claim", "Statement", "Measured", "Value", "95% interval", "Threshold", "Verdict"),
        tuple(rows),
    )


def interval(row: Mapping[str, Any]) -> str:
    """The bounds of a row in words; equal bounds are those of an exact fact.

    >>> interval({"low": 0.5, "high": 0.75}), interval({"low": None, "high": None}), interval({"low": 1, "high": 1})
    ('0.500 to 0.750', '–', 'exact')
    """
    low, high = row["low"], row["high"]
    if low is None or high is None:
        return "–"
    return "exact" if low == high else f"{significant(low)} to {significant(high)}"


def bound(row: Mapping[str, Any]) -> str:
    """What a row's statistic is to reach.

    >>> bound({"relation": ">=", "threshold": 0.9}), bound({"relation": "<=", "threshold": 1e-4})
    ('≥ 0.9', '≤ 0.0001')
    """
    return f"{'≥' if row['relation'] == '>=' else '≤'} {row['threshold']:g}"


def markdown(judgements: Iterable[Judgement]) -> str:
    """The same as a Markdown table, with the command that makes the records of each claim again.

    >>> print(markdown([]).splitlines()[0])
    | Claim | Statement | Measured | Value | 95% interval | Threshold | Verdict | Command |
    """
    lines = [
        "| Claim | Statement | Measured | Value | 95% interval | Threshold | Verdict | Command |",
        "|---|---|---|--:|--:|--:|---|---|",
    ]
    for each in judgements:
        row = each.to_dict()
        measured = f"{row['measured']}{'; ' + row['words'] if row['words'] else ''}"
        cells = [row["id"], row["statement"], measured, significant(row["statistic"]), interval(row)]
        cells += [bound(row), f"**{row['verdict']}**", f"`{row['command']}`"]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
