"""Scaling fits: learning curves with their power laws, exponents with intervals, and what the fits leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tangentlab.records import Record
from tangentlab.report.comparison_figures import samples_ticks
from tangentlab.report.error_curves import CHOSEN, KERNELS, NAMES, RIDGELESS, ROLES, Contested, contested
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.pictures.contest import learning_curves
from tangentlab.report.pictures.lines import line
from tangentlab.report.power_law import PowerLaw, power_law
from tangentlab.report.wording import count

_TOP = ("network", "linearization", *KERNELS)


def pictures(records: Sequence[Record]) -> tuple[Figure, ...]:
    """Curves with fits under both rules for the ridge, exponents, residuals.

    >>> [figure.key for figure in pictures([])]
    ['data-scaling', 'data-scaling-ridgeless', 'exponents', 'residuals']
    """
    places = contested(records)
    curves = learning_curves(
        records,
        key="data-scaling",
        title="Test error against training rows, with power laws",
        rules=(CHOSEN, RIDGELESS),
        log=True,
    )
    with_fits = [
        replace(
            figure,
            caption=f"{figure.caption} Straight lines are the power laws, the mean of the fits to each seed; points "
            "with fewer than 20 wrong test rows are drawn and not fitted.",
            panels=tuple(_with_fits(panel, place, rule) for panel, place in zip(figure.panels, places)),
        )
        for figure, rule in zip(curves, (CHOSEN, RIDGELESS))
    ]
    return (*with_fits, _exponents(places), _residuals(places))


def _laws(place: Contested, rule: str) -> dict[str, PowerLaw]:
    """Of each learner that has one."""
    found = {name: power_law(place.curves(name, ridge=rule)) for name in _TOP if name in place.learners}
    return {name: law for name, law in found.items() if law.exponent is not None}


def _with_fits(panel: Panel, place: Contested, rule: str) -> Panel:
    """Points without the lines between them, and the line of each power law."""
    fitted = []
    for learner, law in _laws(place, rule).items():
        scale = sum(math.log(fit.scale) for fit in law.fits.values()) / len(law.fits)
        slope = sum(fit.exponent for fit in law.fits.values()) / len(law.fits)
        ends = min(min(fit.rows) for fit in law.fits.values()), max(max(fit.rows) for fit in law.fits.values())
        one = Series(
            NAMES[learner],
            ROLES[learner],
            x=tuple(map(float, ends)),
            y=tuple(math.exp(scale - slope * math.log(rows)) for rows in ends),
            notes=(f"{NAMES[learner]}: exponent {slope:.3f}",) * 2,
            markers=False,
            thin=True,
        )
        fitted.append(one)
    return replace(panel, series=(*fitted, *(replace(each, line=False, band=False) for each in panel.series)))


def _exponents(places: Sequence[Contested]) -> Figure:
    """β of each learner under both rules, a row each."""
    return Figure(
        "exponents",
        "Exponents of the power laws",
        "Slope of the fall of ln error with ln rows, mean over seeds with a 95% interval. Grey points are fits that "
        "were refused: their curve is no power law.",
        x=Axis("exponent"),
        y=Axis(""),
        panels=tuple(panel for place in places if (panel := _exponent_panel(place)).series),
        horizontal=True,
    )


def _exponent_panel(place: Contested) -> Panel:
    rows = [
        (learner, rule, law)
        for rule in (CHOSEN, RIDGELESS)
        for learner, law in _laws(place, rule).items()
        if rule == CHOSEN or learner in KERNELS
    ]
    series = []
    for height, (learner, rule, law) in enumerate(rows):
        interval = law.exponent
        assert interval is not None
        role = "undecided" if law.refusal else ROLES[learner]
        note = f"{_called(learner, rule)}\nexponent {interval.mean:.3f} ({count(interval.n, 'seed')})"
        one = Series(
            "refused" if law.refusal else NAMES[learner],
            role,
            x=(interval.mean,),
            y=(-float(height),),
            low=(interval.bounds[0],),
            high=(interval.bounds[1],),
            notes=(f"{note}\n{law.refusal}" if law.refusal else note,),
            line=False,
        )
        series.append(one)
    ticks = tuple((-float(height), _called(learner, rule)) for height, (learner, rule, _) in enumerate(rows))
    return Panel(f"{place.network}, {place.task}", tuple(series), ticks=ticks)


def _called(learner: str, rule: str) -> str:
    return f"{NAMES[learner]}, ridgeless" if rule == RIDGELESS else NAMES[learner]


def _residuals(places: Sequence[Contested]) -> Figure:
    """ln error less the fit: a bend shows as a bow."""
    sizes = tuple(sorted({rows for place in places for rows in place.rows}))
    return Figure(
        "residuals",
        "What the power laws leave",
        "ln error less that of the fit, mean over seeds with Student's 95% interval; ridges chosen by held-out rows. "
        "Points of a power law scatter around zero; a bow is a curve that is none.",
        x=Axis("training rows", log=True, ticks=samples_ticks(sizes)),
        y=Axis("residual of ln error", zero=True),
        panels=tuple(panel for place in places if (panel := _residual_panel(place)).series),
    )


def _residual_panel(place: Contested) -> Panel:
    series = []
    for learner, law in _laws(place, CHOSEN).items():
        left: dict[float, list[float]] = {}
        for fit in law.fits.values():
            for rows, residual in zip(fit.rows, fit.residuals):
                left.setdefault(float(rows), []).append(residual)
        series.append(line(NAMES[learner], ROLES[learner], left, of="training rows", band=False))
    return Panel(f"{place.network}, {place.task}", tuple(series), group="residuals")
