"""`tangentlab run` and `tangentlab resume`: a grid from its file, or from its store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tangentlab.cli.compare import Jobs, Json, Out, Scheduler, command_line, workers
from tangentlab.cli.drive import drive


def run(
    spec: Annotated[Path, typer.Argument(help="A TOML file, as `compare --print-spec` and every run write it.")],
    out: Out = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Run the comparison that a TOML file describes; into runs/<name of the file> unless --out says otherwise."""
    from tangentlab.experiments import Run, Sources, read_spec_file

    found = read_spec_file(spec)
    jobs = workers(jobs, threads=found.threads, scheduler=scheduler)
    name = spec.stem if spec.stem != "spec" else spec.resolve().parent.name
    started = Run.start(
        found,
        out or Path("runs") / name,
        sources=Sources.named(found),
        command=command_line(),
    )
    raise typer.Exit(drive(started, jobs=jobs, scheduler=scheduler, json=json))


def resume(
    store: Annotated[Path, typer.Argument(help="The folder of a run that was stopped.")],
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Complete a run that was stopped or killed: only what has no finished record is computed, failed cells too."""
    from tangentlab.experiments import Run

    resumed = Run.resume(store)
    jobs = workers(jobs, threads=resumed.spec.threads, scheduler=scheduler)
    raise typer.Exit(drive(resumed, jobs=jobs, scheduler=scheduler, json=json))
