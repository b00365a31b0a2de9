"""A figure as the JSON that plotly draws; colours and the places of the panels are left to the page's script."""

from __future__ import annotations

from typing import Any

from tangentlab.report.figure import Axis, Figure, Series, Values


def plotly_spec(figure: Figure) -> dict[str, Any]:
    """`{"key", "data", "panels", "x", "y", ...}`: `data` is a list of plotly traces, one axis pair a panel.

    Each trace says in `meta` whose stroke it is drawn in. Names are shown as they are written: plotly's markup is
    escaped, and no template is built from them.

    >>> from tangentlab.report.figure import Panel
    >>> panel = Panel("<b>mlp", (Series("network", "network", x=(100.0,), y=(0.9,), notes=("90%",)),))
    >>> spec = plotly_spec(Figure("k", "K", "", x=Axis("samples", log=True), y=Axis("accuracy"), panels=(panel,)))
    >>> spec["panels"][0]["title"], spec["data"][0]["xaxis"], spec["data"][0]["hovertext"]
    ('&lt;b&gt;mlp', 'x', ['90%'])
    """
    data = []
    for index, panel in enumerate(figure.panels):
        for series in panel.series:
            if series.band:
                data.append(_band(series, index))
            data.append(_trace(series, index, horizontal=figure.horizontal))
    return {
        "key": figure.key,
        "title": figure.title,
        "data": data,
        "panels": [
            {
                "title": shown(panel.title),
                "group": panel.group,
                "ticks": _ticks(panel.ticks),
                "rows": len(panel.ticks or ()),
            }
            for panel in figure.panels
        ],
        "x": _axis(figure.x),
        "y": _axis(figure.y),
        "horizontal": figure.horizontal,
        "sides": [shown(side) for side in figure.sides or ()],
        "legend": [{"name": name, "role": role} for name, role in figure.legend],
    }


def shown(text: str) -> str:
    """Text with plotly's little markup language turned off.

    >>> shown("a <b>&lt;")
    'a &lt;b&gt;&amp;lt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _trace(series: Series, index: int, *, horizontal: bool) -> dict[str, Any]:
    mode = "+".join(part for part, on in (("lines", series.line), ("markers", series.markers)) if on)
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": mode,
        "name": shown(series.name),
        "x": list(series.x),
        "y": list(series.y),
        "xaxis": f"x{index + 1 if index else ''}",
        "yaxis": f"y{index + 1 if index else ''}",
        "meta": {
            "role": series.role,
            "name": series.name,
            "line": series.line,
            "markers": series.markers,
            "thin": series.thin,
        },
        "hovertext": [shown(note).replace("\n", "<br>") for note in series.notes],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    if not series.band and series.low is not None and series.high is not None:
        centre = series.x if horizontal else series.y
        trace["error_x" if horizontal else "error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": _less(series.high, centre),
            "arrayminus": _less(centre, series.low),
        }
    return trace


def _band(series: Series, index: int) -> dict[str, Any]:
    low, high = series.low or (), series.high or ()
    return _trace(series, index, horizontal=False) | {
        "mode": "lines",
        "x": [*series.x, *reversed(series.x)],
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "hoverinfo": "skip",
        "hovertext": [],
        "hovertemplate": None,
        "meta": {"role": series.role, "name": series.name, "band": True},
    }


def _less(a: Values, b: Values) -> list[float | None]:
    return [None if p is None or q is None else p - q for p, q in zip(a, b)]


def _axis(axis: Axis) -> dict[str, Any]:
    return {"title": shown(axis.title), "log": axis.log, "zero": axis.zero, "ticks": _ticks(axis.ticks)}


def _ticks(ticks: tuple[tuple[float, str], ...] | None) -> list[list[Any]] | None:
    return None if ticks is None else [[place, shown(text)] for place, text in ticks]
