"""A study: one experiment of a paper as hypothesis, grid, statistic and what would refute it, at three scales.

Its words and numbers are a TOML file, its computation two functions: `units`, which lays out the grid, and `measure`,
which runs one unit of it. The runner, the store and the workers are those of `compare`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Findings
from tangentlab.experiments.study.settings_check import checked
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work

SCALES = ("small", "medium", "full")
"""Minutes on two cores, an hour, and the papers' own protocol."""

SHARED: dict[str, Any] = {
    "data": "fashion-mnist",
    "data_path": "",
    "label": "",
    "networks": ["mlp", "lenet"],
    "seeds": [0, 1, 2],
    "initialization": "lecun",
    "dtype": "float32",
    "threads": 1,
    "memory": "",
}
"""Settings that every study has, unless its file says otherwise."""

DEVICE = "cpu"
"""Where units are computed unless the setting `device`, which every study takes, is "cuda" or "cuda:1"."""

Settings = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """An experiment of the catalogue.

    Parameters
    ----------
    name, title, source: what it is called and where it comes from
    hypothesis, statistic, refuted_by: what is claimed, how it is read, and what would speak against it
    claims: identifiers of the claims that its records decide
    scales: the settings of each scale
    units: the settings of every unit of work, from the settings of the whole
    measure: what one unit finds
    work: what one unit computes, in counts, for a forecast
    any_outputs: whether networks may have several outputs, whatever the task
    """

    name: str
    title: str
    source: str
    hypothesis: str
    statistic: str
    refuted_by: str
    claims: tuple[str, ...]
    scales: Mapping[str, Settings]
    units: Callable[[Settings], Iterable[Settings]]
    measure: Callable[[StudyUnit, Sources], Findings]
    work: Callable[[Settings], Work] | None = None
    any_outputs: bool = False

    @classmethod
    def read(
        cls,
        name: str,
        *,
        units: Callable[[Settings], Iterable[Settings]],
        measure: Callable[[StudyUnit, Sources], Findings],
        work: Callable[[Settings], Work] | None = None,
    ) -> Study:
        """The study whose words and scales are in `studies/<name>.toml`.

        Its table `[settings]` holds for every scale, `[small]`, `[medium]` and `[full]` change it.
        """
        text = (files("tangentlab.experiments.studies") / f"{name}.toml").read_text(encoding="utf-8")
        found = tomllib.loads(text)
        settings = SHARED | found.pop("settings", {})
        scales = {scale: settings | found.pop(scale) for scale in SCALES}
        return cls(
            name=name,
            claims=tuple(found.pop("claims")),
            scales=scales,
            units=units,
            measure=measure,
            work=work,
            **found,
        )

    def settings(self, scale: str, **given: Any) -> Settings:
        """The settings of a scale with those `given` in their place; None keeps the scale's own.

        A name that the study does not know, or a value of another kind than its own, is refused. A single value
        stands for a list of one, and a number of seeds for 0, 1, .... `device` is a setting of every study.
        """
        if scale not in self.scales:
            raise UnknownNameError("scale", scale, SCALES)
        own = self.scales[scale]
        known = {"device": DEVICE} | own
        for name in given:
            if name not in known:
                raise ArgumentError(
                    name,
                    expected=f"a setting of the study {self.name}",
                    got=repr(given[name]),
                    remedy=f"Its settings are {', '.join(sorted(known))}.",
                )
        changed = {
            name: checked(name, value, like=known[name]) for name, value in given.items() if value is not None
        }
        if "device" not in own and changed.get("device") == DEVICE:
            del changed["device"]  # what a run is known by does not depend on whether the default was said
        return own | changed
