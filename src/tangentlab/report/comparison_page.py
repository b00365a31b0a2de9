"""A comparison as one self-contained page: words first, one figure, tables, figures, settings. It needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tangentlab._atomic import make_folder, write_atomically
from tangentlab.records import Record, Store
from tangentlab.report.comparison import Comparison
from tangentlab.report.comparison_tables import (
    accuracy_table,
    crossing_table,
    findings_table,
    gap_table,
    overall_table,
    ranking_table,
)
from tangentlab.report.failure_table import failure_table
from tangentlab.report.figures import draw_figures
from tangentlab.report.intervals import MIN_SEEDS
from tangentlab.report.record_rows import to_csv
from tangentlab.report.settings import command_of, machines_of, settings_of
from tangentlab.report.study_page import render_study_page
from tangentlab.report.template import fill
from tangentlab.report.verdict import reach_verdict
from tangentlab.report.warnings_told import warnings_of
from tangentlab.report.wording import count

_MOST_ROWS = 60
_INTERVALS = (
    "A seed draws the initialization, the subset of samples and the batches; learners with the same seed share all "
    "three, so differences are taken seed by seed. Intervals are Student's t over seeds and say nothing about another "
    f"test set. With fewer than {MIN_SEEDS} seeds, and wherever an interval holds zero, this page says “cannot tell”."
)


def write_report(store_or_path: Store | str | Path, destination: str | Path | None = None) -> Path:
    """Write the page of a store and return its path: `destination`, or `report.html` in the store.

    Only what is in the store is read. The file is replaced whole or not at all. Errors: `StoreError` if there is no
    store or the page cannot be written, `DamagedRecordError` if a record is damaged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(Store.create(folder + "/run", {})).name
    'report.html'
    """
    store = store_or_path if isinstance(store_or_path, Store) else Store.open(store_or_path)
    path = store.path / "report.html" if destination is None else Path(destination)
    render = render_study_page if store.spec.get("study") else render_page
    page = render(store.records(), spec=store.spec, place=store.path.as_posix())
    make_folder(path.parent)
    write_atomically(path, page.encode("utf-8", "replace"))
    return path


def render_page(records: Iterable[Record], *, spec: Mapping[str, Any] | None = None, place: str = "STORE") -> str:
    """The page as text. Names are escaped wherever they stand, and its content-security policy lets no script run but
    the three that are written into it.

    >>> page = render_page([], place="runs/a")
    >>> page.startswith("<!doctype html>"), "Cannot tell: no cell has finished." in page
    (True, True)
    """
    records, spec = list(records), dict(spec or {})
    comparison = Comparison.of(records, spec=spec)
    verdict = reach_verdict(records, spec=spec)
    figures = draw_figures(comparison)
    tables = [overall_table(verdict), findings_table(verdict, comparison), crossing_table(verdict)]
    tables += [ranking_table(verdict)]
    more = [accuracy_table(comparison), gap_table(comparison)]
    return fill(
        kicker="Networks and their linearizations",
        headline=verdict.headline,
        sentences=verdict.sentences,
        facts=_facts(comparison),
        figures=figures,
        tables=[table for table in tables if 0 < len(table.rows) <= _MOST_ROWS],
        folded=[t for t in tables if len(t.rows) > _MOST_ROWS] + [t for t in more if t.rows],
        failures=failure_table(comparison.failed),
        warnings=warnings_of(records),
        settings=settings_of(records),
        machines=machines_of(records),
        spec_text=json.dumps(spec, indent=2, sort_keys=True, ensure_ascii=False),
        command=command_of(spec, place=place),
        place=place,
        csv=to_csv(records),
        units="Cells",
        intervals=_INTERVALS,
    )


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    """The size of the comparison, as a line of facts."""

    def between(values: Sequence[int]) -> str:
        return f"{values[0]:,}" if len(values) == 1 else f"{values[0]:,} to {values[-1]:,}"

    facts = [("finished", count(comparison.finished, "cell"))]
    if comparison.failed:
        facts.append(("failed", count(len(comparison.failed), "cell")))
    if comparison.networks:
        facts += [
            ("networks", f"{len(comparison.networks):,}"),
            ("tasks", f"{len(comparison.tasks):,}"),
            ("samples", between(comparison.sizes)),
            ("seeds", f"{len(comparison.seeds):,}"),
        ]
    return facts
