"""What a study found: its records, its claims and its page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tangentlab.experiments.run.results_page import write_results
from tangentlab.records import Record, Store
from tangentlab.report import (
    Judgement,
    headline,
    render_study_page,
    sentence,
    study_judgements,
    unit_rows,
)


@dataclass(frozen=True, eq=False)
class StudyResults:
    """The records of a study. `tangentlab.study` returns one; `StudyResults.of` opens a store.

    >>> StudyResults((), {"study": "spectrum"}).headline
    'Nothing has finished yet.'
    """

    records: tuple[Record, ...]
    spec: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @classmethod
    def of(cls, store: Store | str | Path) -> StudyResults:
        """The results in a store; `DamagedRecordError` if a record is damaged."""
        store = store if isinstance(store, Store) else Store.open(store)
        return cls(store.records(), store.spec, store.path)

    @cached_property
    def claims(self) -> tuple[Judgement, ...]:
        """The claims that this study decides, judged by its records."""
        return study_judgements(self.spec, self.records)

    @property
    def headline(self) -> str:
        """The verdict on the claim that the study is about, its first one."""
        return headline(self.claims, records=self.records)

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence a claim."""
        return tuple(sentence(each) for each in self.claims)

    @property
    def failed(self) -> tuple[Record, ...]:
        """The records of the units that failed."""
        return tuple(record for record in self.records if not record.done)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each unit: its place and every single number that it found."""
        return unit_rows(self.records)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page and return its path; without one, `report.html` in the store."""
        return write_results(
            path,
            store=self.path,
            render=lambda: render_study_page(self.records, spec=self.spec),
            call="study",
        )

    def __repr__(self) -> str:
        done = len(self.records) - len(self.failed)
        return f"StudyResults({self.spec.get('study')}, {done} units): {self.headline}"

    def _repr_html_(self) -> str:
        """A notebook's view: the verdict and a sentence for each claim, escaped."""
        told = "".join(f"<li>{html.escape(each)}</li>" for each in self.sentences)
        return f"<div><p><b>{html.escape(self.headline)}</b></p><ul>{told}</ul></div>"
