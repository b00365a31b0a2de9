"""Progress of a few long steps on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tangentlab.cli.screen import is_terminal


@contextmanager
def step_progress(name: str, *, total: int) -> Iterator[Callable[[], None]]:
    """A function to call after each step; it draws a bar on stderr where that is a terminal.

    >>> with step_progress("predictions", total=1) as advance:
    ...     advance()
    """
    if not is_terminal():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(name),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        shown = bar.add_task(name, total=total)
        yield lambda: bar.advance(shown)
