"""The records of a study as one self-contained page: which claims hold, the picture, tables, settings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims import CLAIMS, Judgement, judge
from tangentlab.report.claims_table import bound, claims_table
from tangentlab.report.failure_table import failure_table
from tangentlab.report.pictures import images_of, pictures_of
from tangentlab.report.settings import command_of, machines_of, settings_of
from tangentlab.report.template import fill
from tangentlab.report.units_table import units_csv
from tangentlab.report.warnings_told import warnings_of
from tangentlab.report.wording import count

_INTERVALS = (
    "A seed draws the rows, the initial weights and the batches. Intervals are Student's t over seeds unless the table "
    "says otherwise, and say nothing about another test set. A claim whose interval reaches over its threshold is "
    "left open: “cannot tell”."
)

_OPENINGS = {"holds": "It holds:", "falls": "It falls:", "cannot tell": "The runs cannot tell:"}


def render_study_page(
    records: Iterable[Record], *, spec: Mapping[str, Any] | None = None, place: str = "STORE"
) -> str:
    """The page of a study as text.

    >>> page = render_study_page([], spec={"study": "spectrum", "about": {"title": "Spectrum"}})
    >>> "Nothing has finished yet." in page
    True
    """
    records, spec = list(records), dict(spec or {})
    about = spec.get("about") or {}
    judged = study_judgements(spec, records)
    done = sum(record.done for record in records)
    figures = tuple(figure for figure in pictures_of(spec, records) if figure.drawn)
    sentences = [sentence(each) for each in judged]
    if hypothesis := about.get("hypothesis"):
        sentences.append(f"Hypothesis: {hypothesis} What would refute it: {about.get('refuted_by', '')}")
    facts = [("finished", count(done, "unit")), ("scale", str(spec.get("scale", "")))]
    if done and len(judged) > 1:
        facts.append(("claims", verdict_counts(judged)))
    if done < len(records):
        facts.append(("failed", count(len(records) - done, "unit")))
    table = claims_table(judged)
    return fill(
        kicker=about.get("title") or str(spec.get("study", "")),
        headline=headline(judged, records=records),
        sentences=sentences,
        facts=facts,
        figures=figures,
        images=images_of(spec, records),
        tables=[table] if table.rows else [],
        folded=[],
        failures=failure_table([record for record in records if not record.done]),
        warnings=warnings_of(records, noun="unit"),
        settings=settings_of(records),
        machines=machines_of(records),
        spec_text=json.dumps(spec, indent=2, sort_keys=True, ensure_ascii=False),
        command=command_of(spec, place=place),
        place=place,
        csv=units_csv(records),
        units="Units",
        intervals=_INTERVALS,
    )


def study_judgements(spec: Mapping[str, Any], records: Iterable[Record]) -> tuple[Judgement, ...]:
    """The claims that a study's records decide, judged by them.

    >>> [each.verdict for each in study_judgements({"study": "spectrum"}, [])]
    ['cannot tell']
    """
    own = [claim for claim in CLAIMS if claim.study == spec.get("study")]
    return judge([(spec, list(records))], claims=own)


def headline(judged: Iterable[Judgement], *, records: Iterable[Record]) -> str:
    """The verdict over the first claim of a study, which is the one that it is about, or why there is none.

    >>> headline([], records=[])
    'Nothing has finished yet.'
    >>> error = {"message": "There are no rows.", "remedy": "Add some.", "log": ""}
    >>> headline([], records=[Record(fingerprint="a", status="failed", spec={}, error=error)])
    'Nothing has finished: 1 unit failed. There are no rows. Add some.'
    """
    records = list(records)
    if not any(record.done for record in records):
        failed = [record.error or {} for record in records]
        if not failed:
            return "Nothing has finished yet."
        told = " ".join(str(failed[0].get(part, "")) for part in ("message", "remedy")).strip()
        return f"Nothing has finished: {count(len(failed), 'unit')} failed. {told}".strip()
    first = next(iter(judged), None)
    if first is None:
        return "The study has no claim of its own."
    return f"{_OPENINGS[first.verdict]} {first.claim.statement}"


def verdict_counts(judged: Iterable[Judgement]) -> str:
    """How many claims hold, how many fall, and of how many the runs cannot tell.

    >>> verdict_counts(judge([], claims=CLAIMS[:2]))
    '2 cannot tell'
    """
    counts = Counter(each.verdict for each in judged)
    plural = {"holds": "hold", "falls": "fall", "cannot tell": "cannot tell"}
    shown = (verdict for verdict in plural if counts[verdict])
    return ", ".join(
        f"{counts[verdict]} {verdict if counts[verdict] == 1 else plural[verdict]}" for verdict in shown
    )


def sentence(each: Judgement) -> str:
    """One claim and its verdict in a sentence."""
    row = each.to_dict()
    found = ""
    if row["statistic"] is not None:
        bounds = (
            "" if row["low"] is None or row["low"] == row["high"] else f" ({row['low']:.3g} to {row['high']:.3g})"
        )
        measured = f"{row['measured'][0].upper()}{row['measured'][1:]}"
        found = f" {measured}: {row['statistic']:.3g}{bounds}, threshold {bound(row)}."
    verdict = {"holds": "holds", "falls": "falls", "cannot tell": "is left open"}[each.verdict]
    return f"{each.claim.id} {verdict}: {each.claim.statement}{found}"
