"""A figure as data: panels of series on shared axes. It knows neither plotly nor matplotlib."""

from __future__ import annotations

from dataclasses import dataclass

Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Series:
    """Points (x, y) with optional bounds, drawn in the stroke of `role`; missing values are None.

    The bounds lie along y, or along x in a figure that is `horizontal`. `notes` are the words shown on hovering.

    >>> Series("network", "network", x=(100.0,), y=(0.9,)).line
    True
    """

    name: str
    role: str
    x: Values
    y: Values
    low: Values | None = None
    high: Values | None = None
    notes: tuple[str, ...] = ()
    line: bool = True
    markers: bool = True
    band: bool = False
    thin: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes with a title; panels of one `group` share the scale of their y axis.

    >>> Panel("mlp", series=()).title
    'mlp'
    """

    title: str
    series: tuple[Series, ...]
    group: str = ""
    ticks: tuple[tuple[float, str], ...] | None = None


@dataclass(frozen=True)
class Axis:
    """Title, scale and ticks of one direction; `zero` draws a line at zero.

    >>> Axis("samples", log=True).zero
    False
    """

    title: str
    log: bool = False
    zero: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None


@dataclass(frozen=True)
class Figure:
    """Panels that share their axes, with a `key` that names files and page anchors.

    `omitted` counts the panels left out of a figure that would be too long to read.

    >>> Figure("gap", "Gap", caption="", x=Axis("samples"), y=Axis("points"), panels=()).drawn
    False
    """

    key: str
    title: str
    caption: str
    x: Axis
    y: Axis
    panels: tuple[Panel, ...]
    horizontal: bool = False
    sides: tuple[str, str] | None = None
    omitted: int = 0

    @property
    def drawn(self) -> bool:
        """Whether there is anything to see."""
        return any(y is not None for panel in self.panels for series in panel.series for y in series.y)

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """Name and role of each kind of series, in order of first appearance."""
        named = {series.name: series.role for panel in self.panels for series in panel.series}
        return tuple(named.items())
