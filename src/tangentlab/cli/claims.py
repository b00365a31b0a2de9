"""`tangentlab claims`: which claims of the papers hold, by the records of runs alone."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tangentlab.cli.screen import as_json, table


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

    No threshold depends on the records. A claim that no record is about is listed with the command that makes them. In
    JSON `threshold` is a number and `relation`, >= or <=, the side of it on which a claim holds.
    """
    from tangentlab.records import Store
    from tangentlab.report import judge
    from tangentlab.report.claims_table import bound, interval, markdown

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
        shown = [
            {
                "claim": row["id"],
                "verdict": row["verdict"],
                "statistic": "–" if row["statistic"] is None else f"{row['statistic']:.3g}",
                "95% interval": interval(row),
                "threshold": bound(row),
                "data": row["data"],
                "statement": row["statement"],
            }
            for row in rows
        ]
        typer.echo(table(shown))
        for verdict in ("holds", "falls", "cannot tell"):
            typer.echo(f"{sum(row['verdict'] == verdict for row in rows)} {verdict}", nl=verdict == "cannot tell")
            if verdict != "cannot tell":
                typer.echo(", ", nl=False)
