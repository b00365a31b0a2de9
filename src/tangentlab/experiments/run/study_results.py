"""What a study found: its records, its claims and its page."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tangentlab.experiments.run.kept_records import KeptRecords
from tangentlab.report import (
    Judgement,
    headline,
    render_study_page,
    sentence,
    study_judgements,
    unit_rows,
)


@dataclass(frozen=True, eq=False)
class StudyResults(KeptRecords):
    """The records of a study. `tangentlab.study` returns one; `StudyResults.of` opens a store.

    >>> StudyResults((), {"study": "spectrum"}).headline
    'Nothing has finished yet.'
    """

    made_by: ClassVar[str] = "study"

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

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each unit: its place and every single number that it found."""
        return unit_rows(self.records)

    def page(self) -> str:
        """The report as one HTML page."""
        return render_study_page(self.records, spec=self.spec)

    def __repr__(self) -> str:
        done = len(self.records) - len(self.failed)
        return f"StudyResults({self.spec.get('study')}, {done} units): {self.headline}"

    def _repr_html_(self) -> str:
        """A notebook's view: the verdict and a sentence for each claim, escaped."""
        told = "".join(f"<li>{html.escape(each)}</li>" for each in self.sentences)
        return f"<div><p><b>{html.escape(self.headline)}</b></p><ul>{told}</ul></div>"
