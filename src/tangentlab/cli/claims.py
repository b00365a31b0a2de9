"""`tangentlab claims`: which claims of the papers hold, by the records of runs alone."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tangentlab.cli.screen import as_json, fitted_table

_VERDICTS = ("holds", "falls", "cannot tell")


class Format(StrEnum):
    """What `claims` writes."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def claims(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Folders of `tangentlab run`.")
    ] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
) -> None:
    """Judge every claim of the papers by the records in some folders: holds, falls, or cannot tell.

    No threshold depends on the records. A claim that no record is about stands below the table with the command that
    makes some, and as "cannot tell" in JSON. There `threshold` is a number and `relation`, >= or <=, the side of it on
    which a claim holds.
    """
    from tangentlab.records import Store
    from tangentlab.report import judge
    from tangentlab.report.claims_table import markdown

    stores = [Store.open(path) for path in runs or ()]
    for store in stores:
        if not store.spec.get("study"):
            typer.echo(f"warning: {store.path} holds a comparison, which decides no claim.", err=True)
    judged = judge([(store.spec, store.records()) for store in stores])
    rows = [each.to_dict() for each in judged]
    if format is Format.JSON:
        typer.echo(as_json(rows))
    elif format is Format.MARKDOWN:
        typer.echo(markdown(judged), nl=False)
    else:
        typer.echo(_table([row for row in rows if row["data"]]), nl=False)
        typer.echo(_without_records([row for row in rows if not row["data"]]), nl=False)


def _table(rows: list[dict[str, Any]]) -> str:
    """What the records decide, and how often."""
    from tangentlab.report.claims_table import bound, interval
    from tangentlab.report.wording import significant

    if not rows:
        return ""
    shown = [
        {
            "claim": row["id"],
            "verdict": row["verdict"],
            "statistic": significant(row["statistic"]),
            "95% interval": interval(row),
            "threshold": bound(row),
            "data": row["data"],
            "statement": row["statement"],
        }
        for row in rows
    ]
    counts = [f"{sum(row['verdict'] == verdict for row in rows)} {verdict}" for verdict in _VERDICTS]
    return f"{fitted_table(shown)}\n{', '.join(counts)}\n"


def _without_records(rows: list[dict[str, Any]]) -> str:
    """The claims that no record is about, beside the command that makes such records."""
    if not rows:
        return ""
    commands: dict[str, list[str]] = {}
    for row in rows:
        commands.setdefault(row["command"], []).append(row["id"])
    shown = [{"no records of": ", ".join(ids), "made by": command} for command, ids in commands.items()]
    return f"{fitted_table(shown)}\n"
