"""Records as one self-contained page: words first, then one figure, tables, figures, settings. It needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from tangentlab.records import Record, Store
from tangentlab.records.atomic import explain, write_atomically
from tangentlab.report.comparison import Comparison
from tangentlab.report.figures import draw_figures
from tangentlab.report.page_tables import (
    accuracy_table,
    crossing_table,
    failure_table,
    findings_table,
    gap_table,
    overall_table,
    ranking_table,
)
from tangentlab.report.palette import STROKES, SURFACE
from tangentlab.report.plotly_spec import plotly_spec
from tangentlab.report.settings import command_of, machines_of, settings_of
from tangentlab.report.table import to_csv
from tangentlab.report.verdict import reach_verdict
from tangentlab.report.wording import count

_MOST_ROWS = 60
_SCRIPTS = ("plotly-cartesian.min.js", "theme.js", "page.js")


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
    page = render_page(store.records(), spec=store.spec, place=store.path.as_posix())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, path, doing="written") from error
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
    scripts = {name: _static(name) for name in _SCRIPTS}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tangentlab.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        verdict=verdict,
        facts=_facts(comparison),
        figures=figures,
        specs=[plotly_spec(figure) for figure in figures],
        palette={role: asdict(each) for role, each in STROKES.items()},
        surface=SURFACE,
        tables=[table for table in tables if 0 < len(table.rows) <= _MOST_ROWS],
        folded=[t for t in tables if len(t.rows) > _MOST_ROWS] + [t for t in more if t.rows],
        failures=failure_table(comparison.failed),
        warnings=_warnings(records),
        settings=settings_of(records),
        machines=machines_of(records),
        spec_text=json.dumps(spec, indent=2, sort_keys=True, ensure_ascii=False),
        command=command_of(spec, place=place),
        place=place,
        csv=base64.b64encode(to_csv(records).encode("utf-8", "replace")).decode(),
        style=Markup(_static("page.css")),
        scripts={name: Markup(text) for name, text in scripts.items()},
        hashes=[_hash(text) for text in scripts.values()],
    )


def _static(name: str) -> str:
    return (files("tangentlab.report") / "static" / name).read_bytes().decode("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


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


def _warnings(records: Iterable[Record]) -> list[tuple[str, str]]:
    """A warning of each kind (they may differ by their numbers), and how many cells gave one like it."""
    first: dict[str, str] = {}
    cells: Counter[str] = Counter()
    for record in records:
        told = record.readings.get("warnings")
        kinds = {re.sub(r"[0-9][0-9.e+-]*", "0", text): text for text in _texts(told)}
        first = kinds | first
        cells.update(kinds.keys())
    return [(first[kind], count(times, "cell")) for kind, times in cells.most_common()]


def _texts(values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
