"""The progress of a kernel on the terminal: pairs of rows done, pairs a second, and the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tangentlab.cli.screen import is_terminal


@contextmanager
def pair_progress() -> Iterator[Callable[[int, int], None] | None]:
    """A callback that draws on stderr where that is a terminal, else None.

    The time left is that of the tiles still to come at the rate of those done: exact once the first tile is through.
    """
    if not is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("kernel"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task("kernel", total=None, rate="")

        def report(done: int, total: int) -> None:
            speed = bar.tasks[shown].speed
            bar.update(shown, completed=done, total=total, rate=f"{speed:,.0f} pairs/s" if speed else "")

        yield report
