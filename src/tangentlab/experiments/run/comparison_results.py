"""Results: what a comparison found, as records, rows, a data frame, a verdict or a page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from tangentlab._errors import MissingExtraError
from tangentlab.experiments.run.results_page import write_results
from tangentlab.records import Record, Store
from tangentlab.report import Comparison, Verdict, reach_verdict, render_page, rows
from tangentlab.report.intervals import mean_interval

MOST_ROWS_SHOWN = 40


@dataclass(frozen=True, eq=False)
class Results:
    """The records of a comparison. `compare` returns one; `Results.of` opens a store.

    >>> Results(()).verdict.headline
    'Cannot tell: no cell has finished.'
    """

    records: tuple[Record, ...]
    spec: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    """The store, if it is kept."""

    @classmethod
    def of(cls, store: Store | str | Path) -> Results:
        """The results in a store; `DamagedRecordError` if a record is damaged."""
        store = store if isinstance(store, Store) else Store.open(store)
        return cls(store.records(), store.spec, store.path)

    @property
    def failed(self) -> tuple[Record, ...]:
        """The records of the cells that failed."""
        return tuple(record for record in self.records if not record.done)

    @cached_property
    def verdict(self) -> Verdict:
        """Who generalizes better, in words: `.headline` and `.sentences`."""
        return reach_verdict(self.records, spec=self.spec)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each cell and learner, as `tangentlab export` writes them.

        >>> Results(()).rows()
        []
        """
        return rows(self.records)

    def accuracies(self) -> list[dict[str, str]]:
        """One row of words for each setting: its Network, Task and Samples, and under the name of each learner its test
        accuracy in percent, mean over seeds ± half of the 95 % interval.

        >>> Results(()).accuracies()
        []
        """
        comparison, found = Comparison.of(self.records, spec=self.spec), []
        for setting in comparison.settings:
            row = {"Network": setting.network, "Task": setting.task, "Samples": f"{setting.samples:,}"}
            for learner in comparison.learners:
                values = [100 * value for value in comparison.accuracies(setting, learner).values()]
                row[learner] = _mean(values) if values else "–"
            found.append(row)
        return found

    def to_polars(self) -> Any:
        """The rows as a polars DataFrame; `MissingExtraError` without polars."""
        return _extra("polars").DataFrame(self.rows(), infer_schema_length=None)

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame; `MissingExtraError` without pandas."""
        return _extra("pandas").DataFrame(self.rows())

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page of the results and return its path; without one, `report.html` in the store.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Results(()).report(folder + "/page.html").name
        'page.html'
        """
        return write_results(
            path,
            store=self.path,
            render=lambda: render_page(self.records, spec=self.spec),
            call="compare",
        )

    def __repr__(self) -> str:
        done = len(self.records) - len(self.failed)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        where = f" in {self.path}" if self.path else ""
        return f"Results({done} cells{failed}{where}): {self.verdict.headline}"

    def _repr_html_(self) -> str:
        """A notebook's view: the verdict and the test accuracies it rests on, escaped."""
        found = self.accuracies()
        words = [self.verdict.headline, *self.verdict.sentences]
        parts = [f"<p><b>{html.escape(words[0])}</b></p>", f"<p>{html.escape(' '.join(words[1:]))}</p>"]
        if found:
            head = "".join(f"<th>{html.escape(name)}</th>" for name in found[0])
            body = (
                "".join(f"<td>{html.escape(value)}</td>" for value in row.values())
                for row in found[:MOST_ROWS_SHOWN]
            )
            lines = "".join(f"<tr>{line}</tr>" for line in body)
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>")
        if len(found) > MOST_ROWS_SHOWN:
            parts.append(f"<p>and {len(found) - MOST_ROWS_SHOWN} more settings: see .report(path)</p>")
        return f"<div>{''.join(parts)}</div>"


def _mean(values: list[float]) -> str:
    interval = mean_interval(values)
    half = "" if interval.low is None else f" ± {interval.mean - interval.low:.1f}"
    return f"{interval.mean:.1f}{half}"


def _extra(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(name, extra="tables") from error
