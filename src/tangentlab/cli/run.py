"""`tangentlab run` and `tangentlab resume`: a study by its name, a comparison from its file, either from its store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tangentlab.cli.compare import Jobs, Json, Out, Scheduler, Several, command_line, workers
from tangentlab.cli.drive import drive
from tangentlab.cli.screen import as_json, duration, table
from tangentlab.cli.values import assignments, split_integers
from tangentlab.cli.values import seeds as read_seeds

_STUDY = "What to change of an experiment"


def _changed(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=_STUDY)


def run(
    what: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE",
            help="An experiment (`list experiments`), or a TOML file as `compare --print-spec` writes it.",
        ),
    ],
    scale: Annotated[str | None, _changed("small (minutes), medium (an hour) or full. Default: small")] = None,
    network: Annotated[Several, _changed("Networks instead of the experiment's own.")] = None,
    data: Annotated[str | None, _changed("Data instead of the experiment's own.")] = None,
    data_path: Annotated[str | None, _changed("Where named data lie.")] = None,
    label: Annotated[str | None, _changed("Label column, for data in a table.")] = None,
    seeds: Annotated[str | None, _changed("How many, or which: 3, or 0,5,7.")] = None,
    samples: Annotated[Several, _changed("Training rows.")] = None,
    change: Annotated[
        Several, _changed("Any other setting, NAME=VALUE[,VALUE], such as device=cuda.", "--set")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show the units and run nothing.")] = False,
    out: Out = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Run an experiment of the papers by its name, or the comparison that a TOML file describes.

    An experiment goes into runs/<name>-<scale> unless --out says otherwise, a comparison into runs/<name of the
    file>. What was stopped goes on where it was when it is run again.
    """
    from tangentlab.experiments import STUDIES

    if what in STUDIES:
        from tangentlab.networks import split_network_names

        networks = [name for option in network for name in split_network_names(option)] if network else None
        chosen = {
            "networks": networks,
            "data": data,
            "data_path": data_path,
            "label": label,
            "seeds": read_seeds(seeds),
            "samples": split_integers("--samples", samples),
            **assignments(change),
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        _run_study(what, scale or "small", given, plan=plan, out=out, jobs=jobs, scheduler=scheduler, json=json)
    for name, value in {
        "--scale": scale,
        "--network": network,
        "--data": data,
        "--data-path": data_path,
        "--label": label,
        "--seeds": seeds,
        "--samples": samples,
        "--set": change,
        "--plan": plan or None,
    }.items():
        if value is not None:
            raise typer.BadParameter(f"{what} is not an experiment, which this option is for", param_hint=name)
    _run_file(what, out=out, jobs=jobs, scheduler=scheduler, json=json)


def _run_file(what: str, *, out: Path | None, jobs: int | None, scheduler: str | None, json: bool) -> None:
    from tangentlab._errors import UnknownNameError
    from tangentlab.experiments import STUDIES, Run, Sources, read_spec_file

    file = Path(what)
    if file.suffix != ".toml" and not file.exists():
        raise UnknownNameError("experiment", what, STUDIES)
    found = read_spec_file(file)
    jobs = workers(jobs, threads=found.threads, scheduler=scheduler)
    name = file.stem if file.stem != "spec" else file.resolve().parent.name
    started = Run.start(
        found,
        out or Path("runs") / name,
        sources=Sources.named(found),
        command=command_line(),
    )
    raise typer.Exit(drive(started, jobs=jobs, scheduler=scheduler, json=json))


def _run_study(
    name: str,
    scale: str,
    given: dict[str, Any],
    *,
    plan: bool,
    out: Path | None,
    jobs: int | None,
    scheduler: str | None,
    json: bool,
) -> None:
    from tangentlab.experiments import STUDIES, StudyRun, named_sources
    from tangentlab.experiments.run.study_run import units_of
    from tangentlab.experiments.study.forecast import forecast_study

    study = STUDIES[name]
    samples = given.get("samples")
    if isinstance(samples, list) and len(samples) == 1 and not isinstance(study.settings(scale)["samples"], list):
        given["samples"] = samples[0]
    settings = study.settings(scale, **given)
    sources = named_sources(settings)
    if plan or (scale != "small" and scheduler is None):
        units = units_of(study, settings, sources)
        count = workers(jobs, threads=settings["threads"], scheduler=scheduler)
        found = forecast_study(study, units, sources)
        told = f"about {duration(found.elapsed(jobs=count))}" if found.known else "a time that is not forecast"
        if not plan:
            typer.echo(f"forecast: {told} on {count} worker{'s' * (count > 1)}", err=True)
        elif json:
            typer.echo(
                as_json({"units": [str(unit) for unit in units], "seconds": found.seconds, "workers": count})
            )
        else:
            rows = [{"unit": str(unit), "fingerprint": unit.fingerprint} for unit in units]
            typer.echo(f"{table(rows)}\n{len(rows)} units to run, {told} on {count} worker{'s' * (count > 1)}")
        if plan:
            raise typer.Exit()
    jobs = workers(jobs, threads=settings["threads"], scheduler=scheduler)
    folder = out or Path("runs") / f"{name}-{scale}"
    started = StudyRun.start(
        study, folder, scale=scale, settings=settings, sources=sources, command=command_line()
    )
    raise typer.Exit(drive(started, jobs=jobs, scheduler=scheduler, json=json))


def resume(
    store: Annotated[Path, typer.Argument(help="The folder of a run that was stopped.")],
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    json: Json = False,
) -> None:
    """Complete a run that was stopped or killed: only what has no finished record is computed, failed cells too."""
    from tangentlab.experiments import Run, StudyRun, is_study
    from tangentlab.records import Store

    resumed = StudyRun.resume(store) if is_study(Store.open(store)) else Run.resume(store)
    jobs = workers(jobs, threads=resumed.threads, scheduler=scheduler)
    raise typer.Exit(drive(resumed, jobs=jobs, scheduler=scheduler, json=json))
