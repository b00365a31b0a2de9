"""Carry a run through: progress while it goes, signals, and at its end the verdict, the report and an exit code."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from tangentlab.cli.exit_codes import INTERRUPTED, OK, REQUEUE, SOME_FAILED
from tangentlab.cli.screen import as_json, duration, is_terminal, table

if TYPE_CHECKING:
    from tangentlab._cluster import Cluster
    from tangentlab.experiments import Event, Forecast, Run, StudyRun

QUIET = 2.0
"""Least seconds between two lines of progress that are not about failures."""
MOST_ROWS = 60


def drive(run: Run | StudyRun, *, jobs: int, scheduler: str | None = None, json: bool = False) -> int:
    """Run what is unfinished, say how it went, write the report, and return the exit code."""
    from tangentlab._cluster import connected

    if scheduler is None or not run.unfinished:
        return _drive(run, jobs=jobs, cluster=None, json=json)
    with connected(scheduler) as cluster:
        return _drive(run, jobs=len(cluster.workers()), cluster=cluster, json=json)


def _drive(run: Run | StudyRun, *, jobs: int, cluster: Cluster | None, json: bool) -> int:
    from tangentlab.experiments import Cell, Forecast, skipped_reasons

    unfinished = run.unfinished
    total, kept = len(run.cells), len(run.cells) - len(unfinished)
    noun = "cells" if isinstance(run.cells[0], Cell) else "units"
    told = f"{total} {noun}" + (f", {kept} of them finished before" if kept else "")
    place = "" if cluster is None else f" of {cluster.address}"
    _note(f"{run.store.path}: {told}, on {jobs} worker{'s' * (jobs > 1)}{place}")
    for reason, count in skipped_reasons(run.planned).items():
        _note(f"skipped {count} cells: {reason}")
    forecast = Forecast(unfinished, jobs=jobs)
    again = f"finished cells are kept; go on with: tangentlab resume {run.store.path}"
    try:
        with _requeue_asked() as asked, _progress(forecast) as report:
            outcome = run.execute(jobs=jobs, scheduler=cluster, report=report, stop=asked)
    except KeyboardInterrupt:
        _note(f"stopped by Ctrl-C; {again}")
        raise SystemExit(INTERRUPTED) from None
    except SystemExit:
        _note(f"stopped by SIGTERM; {again}")
        raise
    if outcome.left:
        _note(f"stopped by SIGUSR1 with {outcome.left} cells left; {again}")
        return REQUEUE
    conclude(run.store.path, json=json)
    return SOME_FAILED if outcome.failed else OK


def conclude(store: Path, *, json: bool = False) -> None:
    """The table of accuracies, the verdict and the report of a store."""
    from tangentlab.experiments import Results, is_study
    from tangentlab.records import Store

    if is_study(Store.open(store)):
        _conclude_study(store, json=json)
        return
    results = Results.of(store)
    page = results.report()
    verdict = results.verdict
    if json:
        found = {
            "store": str(store),
            "report": str(page),
            "finished": verdict.finished,
            "failed": verdict.failed,
            "headline": verdict.headline,
            "sentences": list(verdict.sentences),
        }
        typer.echo(as_json(found))
        return
    if rows := results.accuracies():
        typer.echo("\nTest accuracy in percent, mean over seeds ± half of the 95% interval\n")
        typer.echo(table(rows[:MOST_ROWS]))
        if len(rows) > MOST_ROWS:
            typer.echo(f"and {len(rows) - MOST_ROWS} more rows in the report")
    typer.echo(f"\n{verdict.headline}")
    for sentence in verdict.sentences:
        typer.echo(sentence)
    for record in results.failed[:5]:
        place = f"{record.spec.get('network')} on {record.spec.get('task')}, seed {record.spec.get('seed')}"
        typer.echo(f"failed: {place}: {(record.error or {}).get('message')}")
    typer.echo(f"\nReport: {page}\nOpen it: tangentlab report {store} --open")


def _conclude_study(store: Path, *, json: bool) -> None:
    from tangentlab.experiments import StudyResults

    results = StudyResults.of(store)
    page = results.report()
    done = len(results.records) - len(results.failed)
    if json:
        found = {
            "store": str(store),
            "report": str(page),
            "finished": done,
            "failed": len(results.failed),
            "headline": results.headline,
            "claims": [each.to_dict() for each in results.claims],
        }
        typer.echo(as_json(found))
        return
    typer.echo(f"\n{results.headline}")
    for sentence in results.sentences:
        typer.echo(sentence)
    for record in results.failed[:5]:
        typer.echo(f"failed: {record.fingerprint}: {(record.error or {}).get('message')}")
    typer.echo(f"\nReport: {page}\nOpen it: tangentlab report {store} --open")


@dataclass(frozen=True)
class _Asked:
    """Whether SIGUSR1 has come."""

    times: list[int] = field(default_factory=list)

    def __call__(self) -> bool:
        return bool(self.times)


@contextmanager
def _requeue_asked() -> Iterator[Callable[[], bool]]:
    """SIGUSR1 asks to stop after the cells that have begun; Ctrl-C a second time does not break the clean-up."""
    asked = _Asked()

    def interrupt(number: int, frame: Any) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    handlers: dict[int, Any] = {signal.SIGINT: interrupt}
    if hasattr(signal, "SIGUSR1"):
        handlers[signal.SIGUSR1] = lambda number, frame: asked.times.append(number)
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(forecast: Forecast) -> Iterator[Callable[[Event], None]]:
    """A bar on a terminal, else a line now and then."""
    if not is_terminal():
        yield _line_reporter(forecast)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("cells", total=forecast.total, left="")

        def report(event: Event) -> None:
            forecast.note(event)
            left = f"{duration(forecast.seconds_left)} left" if forecast.seconds_left is not None else ""
            bar.update(task, completed=forecast.done + forecast.failed, description=str(event.cell), left=left)
            if event.kind in ("failed", "retried"):
                bar.console.print(_told(event), markup=False, highlight=False)

        yield report


def _line_reporter(forecast: Forecast) -> Callable[[Event], None]:
    last = [0.0]

    def report(event: Event) -> None:
        forecast.note(event)
        now = time.monotonic()
        ended = forecast.done + forecast.failed
        news = event.kind in ("failed", "retried") or ended == forecast.total
        if event.kind != "started" and (news or now - last[0] > QUIET):
            last[0] = now
            left = f", {duration(forecast.seconds_left)} left" if forecast.left else ""
            _note(f"[{ended}/{forecast.total}] {_told(event)}{left}")

    return report


def _told(event: Event) -> str:
    words = {"done": "done", "failed": "failed", "retried": "its worker died, trying again", "started": "started"}
    return f"{event.cell}: {words[event.kind]}"


def _note(line: str) -> None:
    typer.echo(line, err=True)
