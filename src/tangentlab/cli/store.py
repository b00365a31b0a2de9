"""`tangentlab report`, `export` and `check`: what a store holds, without running anything."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tangentlab.cli.compare import Json
from tangentlab.cli.drive import conclude
from tangentlab.cli.exit_codes import DAMAGED
from tangentlab.cli.screen import as_json
from tangentlab.cli.tiles import check_tiles, is_tiles

Folder = Annotated[Path, typer.Argument(help="The folder of a run.")]


class Format(StrEnum):
    """What `export` writes."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def report(
    store: Folder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to; default report.html in the run.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    json: Json = False,
) -> None:
    """Write the report of a run again from its records, and show its verdict."""
    from tangentlab.report import write_report

    conclude(store, json=json)
    page = write_report(store, out)
    if out is not None and not json:
        typer.echo(f"Written: {page}")
    if open_it:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def export(
    store: Folder,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; default standard output.")] = None,
) -> None:
    """Write one row for each cell and learner: network, data, task, samples, seed, learner, losses, accuracies, and
    every other reading.
    """
    from tangentlab._atomic import make_folder, write_atomically
    from tangentlab.records import Store
    from tangentlab.report import rows, to_csv

    records = Store.open(store).records()
    if format is Format.PARQUET:
        content = _parquet(rows(records))
        if out is None and sys.stdout.isatty():
            raise typer.BadParameter("parquet is not for a terminal: give a file", param_hint="--out")
    elif format is Format.JSON:
        content = (as_json(rows(records)) + "\n").encode()
    else:
        content = to_csv(records).encode()
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        make_folder(out.parent)
        write_atomically(out, content)


def check(
    store: Folder,
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove what is damaged, to be computed again.")
    ] = False,
    json: Json = False,
) -> None:
    """Read every file of a run and compare it with its checksum; exit code 4 if any is damaged.

    A store of kernel tiles is checked alike.
    """
    if is_tiles(store):
        check_tiles(store, repair=repair, json=json)
        return
    from tangentlab.records import Store

    opened = Store.open(store)
    damages = opened.repair() if repair else opened.check()
    harmful = [damage for damage in damages if not damage.harmless]
    if json:
        found = [
            {"path": str(d.path), "kind": d.kind, "message": d.message, "harmless": d.harmless} for d in damages
        ]
        typer.echo(as_json({"records": len(opened.fingerprints()), "damages": found, "repaired": repair}))
    else:
        for damage in damages:
            typer.echo(f"{'removed ' if repair else ''}{damage}")
        if not damages:
            typer.echo(f"{store}: {len(opened.fingerprints())} records, all whole")
        elif repair:
            typer.echo(f"{len(damages)} files removed; `tangentlab resume {store}` computes again what is missing")
        else:
            typer.echo(f"{len(harmful)} damaged, {len(damages) - len(harmful)} left over by a kill (harmless)")
            typer.echo(f"Mend it: tangentlab check {store} --repair")
    if harmful and not repair:
        raise typer.Exit(DAMAGED)


def _parquet(rows: list[dict]) -> bytes:
    import io

    from tangentlab._errors import MissingExtraError

    try:
        import polars
    except ImportError as error:
        raise MissingExtraError("polars", extra="tables") from error
    buffer = io.BytesIO()
    polars.DataFrame(rows, infer_schema_length=None).write_parquet(buffer)
    return buffer.getvalue()
