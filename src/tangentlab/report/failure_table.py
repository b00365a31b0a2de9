"""What failed, why and what to do, as a table of the page."""

from __future__ import annotations

from collections.abc import Iterable

from tangentlab.records import Record
from tangentlab.report.comparison import label
from tangentlab.report.page_table import Cell, Table


def failure_table(failed: Iterable[Record]) -> Table:
    """The cells that failed, why, and what to do.

    >>> failure_table([]).rows
    ()
    """
    rows = []
    for record in failed:
        spec, error = record.spec, record.error or {}
        rows.append(
            (
                Cell(label(spec.get("network")), style="name"),
                Cell(label(spec.get("task")), style="name"),
                Cell(label(spec.get("samples")), style="number"),
                Cell(label(spec.get("seed")), style="number"),
                Cell(str(error.get("message", "")), detail=str(error.get("remedy", "")), style="words"),
                Cell(_log(error.get("log")), style="path"),
            )
        )
    return Table(
        "failure-table",
        "Cells that failed",
        "They are left out of every number on this page.",
        ("Network", "Task", "Samples", "Seed", "What happened, and what to do", "Log"),
        tuple(rows),
    )


def _log(value: object) -> str:
    """The end of a log, or its path."""
    lines = str(value or "").strip().splitlines()
    return "\n".join(lines[-4:])
