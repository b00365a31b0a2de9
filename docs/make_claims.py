"""Write docs/claims.md: every claim of the papers and what our own runs say of it.

`python docs/make_claims.py` runs every study at the scale `small` into runs/studies (what is there is kept and
completed), judges all claims by the records, and writes claims.json, the page, and the calibration that the package
carries (experiments/prediction/calibration.json), unless that one has more cells. `--scale medium` runs that one,
`--only NAME` some studies, `--page` rewrites the page from claims.json alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("claims.json")
PAGE = Path(__file__).with_name("claims.md")

INTRODUCTION = """\
# What holds

<!-- written by docs/make_claims.py from claims.json, which it makes from the records of runs: run it again -->

Every claim of two papers that this package can decide, and some of our own, as our own runs found them: the paper of
linearized networks (A and CA: Ortiz-Jimenez, Moosavi-Dezfooli and Frossard 2021) and the one of scaling laws (CB: Vyas,
Bansal and Nakkiran 2022). A claim *holds* or *falls* where its whole 95% interval lies on one side of its threshold;
otherwise the runs *cannot tell*. The figures are those of runs on two CPU cores, on Fashion-MNIST where nothing
else is said: a small network on few rows need not do what a large one does on many, and a claim that falls here falls
at this scale. The papers' own data, networks and sizes are `--scale full`.

No threshold was moved after looking. Other choices were made after a first look at small runs, and count as such: the
numbers of seeds of eigenfunctions, pretrained-kernel, complexity, kernel-through-time and directions were raised where
intervals were too wide to tell; CA1, CA1b and CA5 read correlations of means over seeds rather than means of
correlations, CA5b was parted from CA5, and CA7e and freeze-lead were added; ridges are chosen by squared error on
held-out rows rather than by mistakes. At medium, the step of the finite differences of CA9 was taken from ε^(1/3) to
√ε, ε the rounding of float64: units whose kinks lay within the longer step had added 1.5e-4 to a difference that is
1.2e-5 with the shorter one; and sample-complexity and calibration were made smaller, before any run, to fit an hour.

```sh
tangentlab run eigenfunctions --scale small      # one experiment: a folder with its records and its report
tangentlab claims runs/*                         # every claim, judged by what the folders hold
make claims                                      # all of it: every small experiment, then this page
```
"""


def page(kept: dict[str, Any]) -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for scale, found in kept.items():
        parts.append(f"## Runs of the scale {scale}\n")
        parts.append(_table(found["claims"]))
        parts.append(
            "\n| experiment | units | failed | minutes of its units | largest unit |\n|---|--:|--:|--:|--:|"
        )
        for run in found["runs"]:
            units = f"{run['units']}{'' if run['units'] == run['planned'] else ' of ' + str(run['planned'])}"
            parts.append(
                f"| [{run['study']}](#{_anchor(run)}) | {units} | {run['failed']} | "
                f"{run['seconds'] / 60:.1f} | {run['longest']:.0f} s |"
            )
        parts.append(
            f"\n{found['machine']}, which did other work at the time; {found['created']}.\n"
        )
    parts.append("## The experiments\n")
    seen = set()
    for found in kept.values():
        for run in found["runs"]:
            if run["study"] not in seen:
                seen.add(run["study"])
                parts.append(_experiment(run))
    return "\n".join(parts).rstrip() + "\n"


def _anchor(run: dict[str, Any]) -> str:
    return "".join(c for c in run["title"].lower() if c.isalnum() or c in "- ").replace(
        " ", "-"
    )


def _table(rows: list[dict[str, Any]]) -> str:
    """What the records of a scale say, how often, and the claims that none is about."""
    told, untold = (
        [row for row in rows if bool(row["data"]) is has_records]
        for has_records in (True, False)
    )
    counts = [
        f"{sum(row['verdict'] == verdict for row in told)} {words}"
        for verdict, words in (
            ("holds", "hold"),
            ("falls", "fall"),
            ("cannot tell", "cannot tell"),
        )
    ]
    lines = [
        f"Of {len(told)} claims {', '.join(counts)}.",
        "",
        "| claim | statement | measured | value | 95% interval | threshold | verdict |",
        "|---|---|---|--:|--:|--:|---|",
    ]
    for row in told:
        words = f"; {row['words']}" if row["words"] else ""
        bounds = "–"
        if row["low"] is not None and row["high"] is not None:
            exact = row["low"] == row["high"]
            bounds = "exact" if exact else f"{row['low']:.3g} to {row['high']:.3g}"
        value = "–" if row["statistic"] is None else f"{row['statistic']:.3g}"
        cells = [
            row["id"],
            row["statement"],
            f"{row['measured']}{words}",
            value,
            bounds,
            f"{'≥' if row['relation'] == '>=' else '≤'} {row['threshold']:g}",
            f"**{row['verdict']}**",
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if untold:
        lines += ["", f"Not run at this scale: {', '.join(row['id'] for row in untold)}."]
    return "\n".join(lines)


def _experiment(run: dict[str, Any]) -> str:
    return (
        f"### {run['title']}\n\n`tangentlab run {run['study']}`. {run['source']}.\n\n"
        f"*Hypothesis.* {run['hypothesis']} *Statistic.* {run['statistic']} *Refuted by.* {run['refuted_by']}\n"
    )


def collect(folder: Path, *, scale: str, only: list[str] | None, jobs: int) -> dict[str, Any]:
    """Run what is missing of every study and judge all claims."""
    from datetime import date

    from tangentlab.experiments import STUDIES, StudyRun, named_sources
    from tangentlab.report import judge

    stores, runs, machine = [], [], ""
    for name, study in STUDIES.items():
        place = folder / f"{name}-{scale}"
        if only and name not in only and not place.exists():
            continue
        settings = study.settings(scale)
        command = f"tangentlab run {name} --scale {scale}"
        run = StudyRun.start(
            study,
            place,
            scale=scale,
            settings=settings,
            sources=named_sources(settings),
            command=command,
        )
        if not only or name in only:
            print(f"{name}: {len(run.unfinished)} of {len(run.cells)} units to run", flush=True)
            run.execute(jobs=jobs)
        records = run.store.records()
        stores.append((run.store.spec | {"command": command}, records))
        seconds = [float(record.timings.get("total", 0.0)) for record in records]
        runs.append(
            {
                "study": name,
                "units": len(records),
                "planned": len(run.cells),
                "failed": sum(not record.done for record in records),
                "seconds": round(sum(seconds), 1),
                "longest": round(max(seconds, default=0.0), 1),
                **{
                    key: getattr(study, key)
                    for key in ("title", "source", "hypothesis", "statistic", "refuted_by")
                },
            }
        )
        if records:
            about, versions = records[0].machine, records[0].versions
            machine = f"{about.get('cores')} cores, {about.get('instructions')}, torch {versions.get('torch')}"
        if name == "calibration":
            keep_calibration(records, command=command)
    claims = [each.to_dict() for each in judge(stores)]
    return {"created": str(date.today()), "machine": machine, "claims": claims, "runs": runs}


def keep_calibration(records: Any, *, command: str) -> None:
    """Write how far predictions have held to where `tangentlab predict` reads it."""
    from datetime import date

    from tangentlab.experiments.prediction import calibration
    from tangentlab.report.claims.calibration import calibration_cells, calibration_draws

    cells = calibration_cells(records)
    place = Path(calibration.__file__).with_name(calibration.FILE)
    if cells and (not place.exists() or len(cells) >= json.loads(place.read_text())["cells"]):
        found = calibration.Calibration.of(
            cells, draws=calibration_draws(records), command=command, created=str(date.today())
        )
        found.write(place)


def main() -> None:
    """Run, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="small")
    parser.add_argument("--only", action="append")
    parser.add_argument("--folder", type=Path, default=Path("runs/studies"))
    parser.add_argument("--jobs", "-j", type=int, default=2)
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    if not asked.page:
        kept[asked.scale] = collect(
            asked.folder, scale=asked.scale, only=asked.only, jobs=asked.jobs
        )
        KEPT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
