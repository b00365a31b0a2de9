"""Every claim of the catalogue, judged by records alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tangentlab.records import Record
from tangentlab.report.claims.catalogue import CLAIMS
from tangentlab.report.claims.claim import CANNOT_TELL, Claim, Statistic


@dataclass(frozen=True)
class Judgement:
    """A claim, what the records of one data set say of it, and the command that makes such records again."""

    claim: Claim
    statistic: Statistic | None
    verdict: str
    data: str
    command: str

    def to_dict(self) -> dict[str, Any]:
        """One row of the table of claims, as plain values.

        `threshold` is a number and `relation` the side of it on which the whole interval lies where the claim holds.

        >>> row = judge([])[0].to_dict()
        >>> row["relation"], type(row["threshold"])
        ('<=', <class 'float'>)
        """
        claim, found = self.claim, self.statistic
        return {
            "id": claim.id,
            "statement": claim.statement,
            "source": claim.source,
            "study": claim.study,
            "data": self.data,
            "measured": claim.measured,
            "statistic": None if found is None else found.value,
            "low": None if found is None else found.low,
            "high": None if found is None else found.high,
            "n": 0 if found is None else found.n,
            "relation": ">=" if claim.above else "<=",
            "threshold": float(claim.threshold),
            "verdict": self.verdict,
            "words": "" if found is None else found.words,
            "command": self.command,
        }


def judge(
    runs: Iterable[tuple[Mapping[str, Any], Sequence[Record]]], *, claims: Sequence[Claim] = CLAIMS
) -> tuple[Judgement, ...]:
    """Every claim in the order of the catalogue; `runs` are the spec and the records of each store.

    Records of one study on one data set are taken together. A claim that they say nothing about is listed all the
    same, with the verdict "cannot tell" and the command that would tell.

    >>> len(judge([])) == len(CLAIMS), {each.verdict for each in judge([])}
    (True, {'cannot tell'})
    """
    gathered: dict[str, dict[str, tuple[dict[str, Record], str]]] = {}
    for spec, records in runs:
        for record in records:
            if record.kind == "study" and record.done:
                study, data = str(record.spec.get("study")), _data(record)
                held, command = gathered.setdefault(study, {}).setdefault(data, ({}, _command(spec)))
                held[record.fingerprint] = record
    found = []
    for claim in claims:
        usual = f"tangentlab run {claim.study} --scale small"
        by_data = gathered.get(claim.study) or {"": ({}, usual)}
        for data, (held, command) in by_data.items():
            statistic = claim.statistic(tuple(held.values())) if held else None
            verdict = claim.verdict(statistic) if held else CANNOT_TELL
            found.append(Judgement(claim, statistic, verdict, data, command or usual))
    return tuple(found)


def _data(record: Record) -> str:
    return str(record.spec.get("data") or "its own")


def _command(spec: Mapping[str, Any]) -> str:
    command = spec.get("command")
    return command if isinstance(command, str) else ""
