"""A worker process: takes cells from a pipe, runs them, and does not outlive the process that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path

from tangentlab.experiments.execution.progress import DONE, FAILED
from tangentlab.experiments.execution.run_unit import run_unit
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.machine.share import limited_threads
from tangentlab.records import Store

READY, BROKEN = "ready", "broken"


def work(pipe: Connection, store_path: Path, sources: Sources, threads: int) -> None:
    """Run what comes through the pipe until None or its end; answer each cell with its status.

    Ctrl-C reaches every process of a terminal: the parent decides what it means, so it is ignored here. A store that
    cannot be written is answered with `BROKEN` and the error, and ends the worker.
    """
    for name in ("SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        with limited_threads(threads):
            store = Store.open(store_path)
            pipe.send((READY, None))
            while (cell := pipe.recv()) is not None:
                with log_to(store.log_path(cell.fingerprint)):
                    record = run_unit(cell, sources, store)
                pipe.send((DONE if record.done else FAILED, None))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        with contextlib.suppress(OSError):
            pipe.send((BROKEN, error))


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@contextlib.contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Whatever this process and its libraries say goes to a file, which is removed if they said nothing."""
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        for descriptor, before in zip((1, 2), saved):
            os.dup2(before, descriptor)
            os.close(before)
        silent = os.fstat(log).st_size == 0
        os.close(log)
        if silent:
            path.unlink(missing_ok=True)
