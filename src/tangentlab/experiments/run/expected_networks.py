"""Networks of the user's own, refused before any unit of a study starts where none of its units could have them."""

from __future__ import annotations

from contextlib import suppress

import torch

from tangentlab._errors import ArgumentError, DataError
from tangentlab._seeds import generator
from tangentlab.experiments.inputs.own_network import is_own, refusal_of_own
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.study.study import Study
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.tasks.grouping import read_groups


def expect_networks(study: Study, units: tuple[StudyUnit, ...], sources: Sources) -> None:
    """Refuse a network of one's own that fails at every seed, or has other outputs than its tasks. Two rows are read.

    >>> from tangentlab.experiments.studies import STUDIES
    >>> given = {"networks": ["math:sqrt"], "data": "digits", "seeds": [0]}
    >>> settings = STUDIES["spectrum"].settings("small", **given)
    >>> unit = StudyUnit("spectrum", settings | {"network": "math:sqrt", "seed": 0})
    >>> expect_networks(STUDIES["spectrum"], (unit,), Sources("digits"))
    Traceback (most recent call last):
    tangentlab._errors.NetworkError: The builder 'math:sqrt' needs x, which is not among ...
    """
    tried: dict[tuple[str, tuple[int, ...], int | None], list[StudyUnit]] = {}
    for unit in units:
        name = unit.settings.get("network", "")
        if name and is_own(name, sources):
            shape = study.work(unit.settings).shape if study.work else ()
            for outputs in [None] if study.any_outputs else _outputs(unit, sources):
                tried.setdefault((name, shape, outputs), []).append(unit)
    for (name, shape, outputs), alike in tried.items():
        x = torch.randn(2, *shape, generator=generator(0, "tried rows")) if shape else sources.loaded.x[:2]
        seeds = dict.fromkeys(unit["seed"] for unit in alike)
        refusal = refusal_of_own(name, alike[0], sources, x=x, seeds=seeds, outputs=outputs)
        if refusal is not None:
            raise refusal


def _outputs(unit: StudyUnit, sources: Sources) -> list[int]:
    """Of the networks that a unit's tasks ask for, each number once."""
    names = unit.settings.get("tasks") or [unit.settings.get("task", "")]
    return sorted({_outputs_of(str(name), sources) for name in names})


def _outputs_of(name: str, sources: Sources) -> int:
    """One for two classes, else as many as there are; one for a task that is refused, which says so itself."""
    kind, _, argument = name.partition(":")
    classes = 2
    if kind == "classes":
        classes = len(sources.loaded.classes)
    elif kind == "random" and argument.strip().isdecimal():
        classes = int(argument)
    elif kind == "group":
        with suppress(ArgumentError, DataError):
            classes = len(read_groups(argument, sources.loaded.classes))
    return classes if classes > 2 else 1
