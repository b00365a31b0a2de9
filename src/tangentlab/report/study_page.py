"""The records of a study as one self-contained page: which claims hold, the picture, tables, settings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims import CLAIMS, Judgement, judge
from tangentlab.report.claims_table import bound, claims_table
from tangentlab.report.page_tables import failure_table
from tangentlab.report.pictures import images_of, pictures_of
from tangentlab.report.settings import command_of, machines_of, settings_of
from tangentlab.report.template import fill
from tangentlab.report.units_table import units_csv
from tangentlab.report.warnings_told import warnings_of
from tangentlab.report.wording import count, joined

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
    """The verdict over the claims of a study, or why there is none.

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
    judged = list(judged)
    verdicts: dict[str, list[str]] = {}
    if len(judged) == 1:
        only = judged[0]
        return f"{_OPENINGS[only.verdict]} {only.claim.statement}"
    for each in judged:
        verdicts.setdefault(each.verdict, []).append(each.claim.id)
    counts = Counter({verdict: len(ids) for verdict, ids in verdicts.items()})
    parts = []
    for verdict, plural in (("holds", "hold"), ("falls", "fall")):
        if counts[verdict]:
            parts.append(f"{joined(verdicts[verdict])} {verdict if counts[verdict] == 1 else plural}")
    if counts["cannot tell"]:
        parts.append(f"of {joined(verdicts['cannot tell'])} the runs cannot tell")
    text = "; ".join(parts) or "The study has no claim of its own"
    return f"{text[0].upper()}{text[1:]}."


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
