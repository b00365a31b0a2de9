"""`tangentlab compare`: the grid from options."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tangentlab.cli.drive import drive
from tangentlab.cli.screen import as_json, table
from tangentlab.cli.values import number_or_word, split_integers, split_names, split_tasks
from tangentlab.cli.values import seeds as read_seeds

Several = list[str] | None
_GRID, _DESCENT, _HOW = "What to compare", "How networks descend", "How to run it"

Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", help="Worker processes; default one for each core.", rich_help_panel=_HOW),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Run on the workers of a Dask scheduler: tcp://host:8786, or its scheduler file.",
        rich_help_panel=_HOW,
    ),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder to keep the run in.", rich_help_panel=_HOW)]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.", rich_help_panel=_HOW)]


def _grid(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=_GRID)


def _descent(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=_DESCENT)


def _how(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=_HOW)


def compare(
    network: Annotated[Several, _grid("mlp, lenet:activation=gelu, pkg.mod:build, ... Default: mlp,lenet")] = None,
    data: Annotated[str, _grid("A name (`list data`) or a file.")] = "digits",
    data_path: Annotated[str | None, _grid("Where named data lie, if not in the usual places.")] = None,
    label: Annotated[str | None, _grid("Label column, for data in a table.")] = None,
    task: Annotated[
        Several, _grid("group:0-4, classes, random:2, parity:3, ... Default: what suits the data")
    ] = None,
    samples: Annotated[Several, _grid("Training rows. Default: 100,300,1000")] = None,
    test_samples: Annotated[int | None, _grid("Test rows. Default: up to 1000")] = None,
    seeds: Annotated[str | None, _grid("How many, or which: 3, or 0,5,7. Default: 5")] = None,
    learners: Annotated[
        Several, _grid("Some of `list learners`; 'all,infinite' adds a sixth. Default: all")
    ] = None,
    initialization: Annotated[str | None, _grid("lecun or torch.")] = None,
    ridge: Annotated[str | None, _grid("Share of the mean diagonal, or leave-one-out. Default: 0.001")] = None,
    kernel: Annotated[str | None, _grid("Of several outputs: full, mean or auto.")] = None,
    end_statistics: Annotated[str | None, _grid("BatchNorm at the trained weights: trained or initial.")] = None,
    dtype: Annotated[str | None, _grid("float32 or float64.")] = None,
    epochs: Annotated[int | None, _descent("Default: 30")] = None,
    learning_rate: Annotated[float | None, _descent("Default: 0.05")] = None,
    momentum: Annotated[float | None, _descent("Default: 0.9")] = None,
    nesterov: Annotated[bool | None, _descent("Nesterov's momentum.")] = None,
    batch_size: Annotated[int | None, _descent("Default: 32")] = None,
    weight_decay: Annotated[float | None, _descent("Towards the anchor. Default: 0")] = None,
    optimizer: Annotated[str | None, _descent("sgd or adam.")] = None,
    schedule: Annotated[str | None, _descent("linear, cosine, one_cycle or constant.")] = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    device: Annotated[str | None, _how("cpu, cuda or cuda:1. Default: cpu")] = None,
    threads: Annotated[int | None, _how("Threads of one cell. Default: 1")] = None,
    memory: Annotated[str | None, _how("For a kernel beside itself, such as 2GiB.")] = None,
    out: Out = None,
    download: Annotated[bool, _how("Fetch named data that are nowhere here.", "--download")] = False,
    plan: Annotated[bool, _how("Show the grid and run nothing.", "--plan")] = False,
    print_spec: Annotated[bool, _how("Write the spec as TOML and run nothing.", "--print-spec")] = False,
    json: Json = False,
) -> None:
    """Put networks beside their linearizations: train, linearize, regress, measure, and report.

    Without options: two networks on six tasks of scikit-learn's digits. A run that was stopped goes on where it was
    when it is given the same --out, or with `tangentlab resume`.
    """
    from tangentlab.experiments import ComparisonSpec, Run, Sources, resolved, spec_to_toml
    from tangentlab.experiments import plan as plan_grid
    from tangentlab.networks import split_network_names
    from tangentlab.tasks import TASKS

    spec = ComparisonSpec.of(
        networks=[name for option in network for name in split_network_names(option)] if network else None,
        data=data,
        data_path=data_path,
        label=label,
        tasks=split_tasks(task, TASKS),
        samples=split_integers("--samples", samples),
        test_samples=test_samples,
        seeds=read_seeds(seeds),
        learners=split_names(learners),
        initialization=initialization,
        ridge=number_or_word(ridge),
        kernel=kernel,
        end_statistics=end_statistics,
        dtype=dtype,
        epochs=epochs,
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        batch_size=batch_size,
        weight_decay=weight_decay,
        optimizer=optimizer,
        schedule=schedule,
        device=device,
        threads=threads,
        memory=memory,
    )
    jobs = workers(jobs, threads=spec.threads, scheduler=scheduler)
    if download:
        from tangentlab.data import load

        load(data, path=data_path, label=label, download=True)
    sources = Sources.named(spec)
    if print_spec:
        typer.echo(spec_to_toml(resolved(spec, sources.loaded)), nl=False)
        return
    if plan:
        _show(
            [(str(each.cell), each.skipped) for each in plan_grid(resolved(spec, sources.loaded), sources)], json
        )
        return
    run = Run.start(spec, out or fresh_folder(), sources=sources, command=command_line())
    raise typer.Exit(drive(run, jobs=jobs, scheduler=scheduler, json=json))


def workers(jobs: int | None, *, threads: int, scheduler: str | None = None) -> int:
    """The number asked for, or as many workers as the cores can feed with so many threads each."""
    from tangentlab._errors import ArgumentError
    from tangentlab.experiments import available_cores

    if scheduler is not None and jobs is not None:
        raise ArgumentError(
            "jobs",
            expected="left out with --scheduler, whose workers all take part",
            got=jobs,
            remedy="Scale the cluster itself, with its deployer's scale().",
        )
    if jobs is None:
        return max(1, available_cores() // threads)
    if jobs < 1:
        raise ArgumentError("jobs", expected="a positive number of workers", got=jobs, remedy="Try -j 2.")
    return jobs


def fresh_folder() -> Path:
    """A folder in runs/ named by the time, that does not exist yet."""
    stem = datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    names = (Path("runs") / (stem if not n else f"{stem}-{n}") for n in range(1000))
    return next(name for name in names if not name.exists())


def command_line() -> str:
    """The line that was typed, as the report repeats it."""
    return shlex.join(["tangentlab", *sys.argv[1:]])


def _show(cells: list[tuple[str, str]], json: bool) -> None:
    rows = [{"cell": cell, "skipped": reason} for cell, reason in cells]
    if json:
        typer.echo(as_json(rows))
        return
    typer.echo(
        table([{"cell": row["cell"], "": f"skipped: {row['skipped']}" if row["skipped"] else ""} for row in rows])
    )
    typer.echo(f"{sum(not reason for _, reason in cells)} cells to run")
