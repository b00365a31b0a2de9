"""Results: what a comparison found, as records, rows, a data frame, a verdict or a page."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tangentlab.experiments.run.kept_records import KeptRecords
from tangentlab.report import Comparison, Verdict, reach_verdict, render_page, rows
from tangentlab.report.intervals import mean_interval

MOST_ROWS_SHOWN = 40


@dataclass(frozen=True, eq=False)
class Results(KeptRecords):
    """The records of a comparison. `compare` returns one; `Results.of` opens a store.

    >>> Results(()).verdict.headline
    'Cannot tell: no cell has finished.'
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Results(()).report(folder + "/page.html").name
    'page.html'
    >>> Results(()).report()
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `path` must be given, as these results are not kept in a store, got None. ...
    """

    made_by: ClassVar[str] = "compare"

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

    def page(self) -> str:
        """The report as one HTML page."""
        return render_page(self.records, spec=self.spec)

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
