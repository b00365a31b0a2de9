"""Errors as a user sees them: one sentence on stderr and an exit code, never a traceback unless asked for."""

from __future__ import annotations

import os
import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from tangentlab._errors import DamagedRecordError, TangentlabError
from tangentlab.cli.exit_codes import DAMAGED, ERROR, TERMINATED


@contextmanager
def failures_in_words(*, debug: bool) -> Iterator[None]:
    """Turn what a command raises into a sentence and an exit code; with `debug`, show the traceback too.

    >>> from tangentlab._errors import DataError
    >>> try:
    ...     with failures_in_words(debug=False):
    ...         raise DataError("No rows.", remedy="Add some.")
    ... except SystemExit as end:
    ...     end.code
    1
    """
    try:
        yield
    except TangentlabError as error:
        if debug:
            traceback.print_exc()
        _say(str(error))
        raise SystemExit(DAMAGED if isinstance(error, DamagedRecordError) else ERROR) from None
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(ERROR) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        words = " ".join(str(error).split())
        _say(f"{type(error).__name__}{f': {words}' if words else ''}. This was not foreseen; {_keep_traceback()}.")
        raise SystemExit(ERROR) from None


@contextmanager
def termination_as_exit() -> Iterator[None]:
    """SIGTERM ends the process in order, through every `finally`, with code 143."""

    def leave(number: int, frame: Any) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def warnings_in_words() -> Iterator[None]:
    """Meanwhile a warning is one line on stderr."""
    before = warnings.showwarning

    def show(message: Any, category: Any, *_: Any) -> None:
        if not issubclass(category, (DeprecationWarning, FutureWarning)):
            typer.echo(f"warning: {' '.join(str(message).split())}", err=True)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def _say(sentence: str) -> None:
    typer.echo(f"error: {sentence}", err=True)


def _keep_traceback() -> str:
    try:
        handle, path = tempfile.mkstemp(prefix="tangentlab-error-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(traceback.format_exc())
    except OSError:
        return "run it with --debug to see where"
    return f"its traceback is in {path}"
