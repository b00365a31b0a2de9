"""A unit of work, run: whatever comes of it is put into the store."""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path

from tangentlab._errors import StoreError, TangentlabError
from tangentlab.experiments.comparison.cell import Cell
from tangentlab.experiments.comparison.run_cell import run_cell
from tangentlab.experiments.execution.run_study_unit import run_study_unit
from tangentlab.experiments.execution.unit import Unit
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Findings
from tangentlab.experiments.machine.description import machine, versions
from tangentlab.records import Record, Store

TAIL = 4000
"""Characters of a log that a record keeps."""


def run_unit(cell: Unit, sources: Sources, store: Store) -> Record:
    """Run a unit and put its record into the store; a failure becomes a failed record, and the grid goes on.

    Only what is wrong with the store itself is raised (`StoreError`), for then no other cell could be kept either.
    """
    about = {
        "fingerprint": cell.fingerprint,
        "kind": cell.kind,
        "spec": cell.to_dict(),
        "versions": versions(),
        "machine": machine(threads=cell.threads),
    }
    try:
        found = _find(cell, sources)
    except StoreError:
        raise
    except Exception as error:
        told = traceback.format_exc()
        with contextlib.suppress(OSError), store.log_path(cell.fingerprint).open("a", encoding="utf-8") as log:
            log.write(told)
        return store.put(Record(**about, status="failed", error=describe(error, log=told)))
    return store.put(Record(**about, readings=found.readings, timings=found.timings), arrays=found.arrays or None)


def _find(unit: Unit, sources: Sources) -> Findings:
    return run_cell(unit, sources) if isinstance(unit, Cell) else run_study_unit(unit, sources)


def put_lost(cell: Unit, store: Store, *, attempts: int, exit_code: int | None = None) -> Record:
    """Record a cell whose worker died each time it was tried, with the end of its log.

    How a worker on another machine ended is not known here (`exit_code` None).
    """
    how = "" if exit_code is None else f", the last time with exit code {exit_code}"
    if exit_code is not None and exit_code < 0:
        how = f", the last time with signal {-exit_code}"
    error = {
        "message": f"Its worker died {attempts} times{how}.",
        "remedy": "Often memory ran out: use fewer workers (-j 1), fewer samples or a smaller network.",
        "log": tail(store.log_path(cell.fingerprint)),
    }
    record = Record(
        fingerprint=cell.fingerprint,
        kind=cell.kind,
        spec=cell.to_dict(),
        status="failed",
        versions=versions(),
        machine=machine(threads=cell.threads),
        error=error,
    )
    return store.put(record)


def describe(error: Exception, *, log: str) -> dict[str, str]:
    """What a record keeps of an exception.

    >>> describe(ValueError("no"), log="...")["message"]
    'ValueError: no'
    """
    if isinstance(error, TangentlabError):
        return {"message": error.message, "remedy": error.remedy, "log": log[-TAIL:]}
    words = " ".join(str(error).split())
    message = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return {"message": message[:TAIL], "remedy": "The log tells where it was raised.", "log": log[-TAIL:]}


def tail(path: Path) -> str:
    """The end of a log file; empty if there is none.

    >>> tail(Path("no-such.log"))
    ''
    """
    try:
        return path.read_bytes()[-TAIL:].decode("utf-8", errors="replace")
    except OSError:
        return ""
