"""Heat maps as inline SVG: how far above or below one each cell of a grid is, on a scale of powers of two.

What is above one is drawn in one colour and what is below in another, as strong as it is far, over the ground of the
page, light or dark. A row of its own above the grid may hold what the others are compared with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import numpy as np

from tangentlab.report.drawing import canvas_class, file_bytes, plain, report_style
from tangentlab.report.palette import STROKES, SURFACE
from tangentlab.report.template import Image
from tangentlab.report.wording import significant

_CELL, _ROW, _LEFT, _TOP, _TEXT = 34, 11, 58, 34, 11
"""Width and height of a cell, margins, and the size of words, in units of the drawing."""
_OWN = 16
"""Height of the row that stands apart."""


@dataclass(frozen=True)
class HeatPanel:
    """One grid: `values` (rows, columns) are base-2 logarithms, None where there is nothing.

    `rows` and `columns` name them; an empty name leaves a row without words. `own` is the row that stands apart, named
    `own_name`, and `marked` the row of the grid to which it belongs.

    >>> HeatPanel("mlp", values=((1.0, -1.0),), rows=("0",), columns=("1", "2")).own
    ()
    """

    title: str
    values: tuple[tuple[float | None, ...], ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    own: tuple[float | None, ...] = ()
    own_name: str = ""
    marked: int | None = None


def heat_map(
    key: str, panels: Sequence[HeatPanel], *, title: str, caption: str, across: str, down: str
) -> Image | None:
    """The panels with one scale for all; `across` and `down` name the axes. None where there is nothing to draw.

    >>> found = heat_map("k", [HeatPanel("a", ((1.0,),), ("0",), ("1",))], title="", caption="", across="x", down="y")
    >>> found.svg.count("<rect"), "×2" in found.svg
    (15, True)
    """
    told = [abs(v) for panel in panels for row in (*panel.values, panel.own) for v in row if v is not None]
    if not told:
        return None
    limit = max(1.0, float(math.ceil(max(told))))
    drawn = "".join(_panel(panel, limit=limit, across=across, down=down) for panel in panels)
    svg = (
        '<div style="display:flex;flex-wrap:wrap;gap:1.25rem 2rem;align-items:flex-end;margin-block:.75rem">'
        f"{drawn}{_scale(limit)}</div>"
    )
    return Image(
        key, title, caption, svg=svg, draw=partial(_drawn, tuple(panels), limit=limit, across=across, down=down)
    )


def _panel(panel: HeatPanel, *, limit: float, across: str, down: str) -> str:
    width = _LEFT + _CELL * len(panel.columns) + 4
    apart = _OWN + 8 if panel.own else 0
    bottom = _TOP + apart + _ROW * len(panel.values)
    parts = [_words(0, 12, panel.title, weight=600, ink="ink")]
    if panel.own:
        parts.append(_words(_LEFT - 6, _TOP + _OWN - 4, panel.own_name, anchor="end", weight=600, ink="ink"))
        parts += [
            _cell(_LEFT + _CELL * place, _TOP, _OWN, value, limit, f"{panel.own_name}, {across} {name}")
            for place, (value, name) in enumerate(zip(panel.own, panel.columns))
        ]
    parts.append(_words(_LEFT - 6, _TOP + apart - 6 if not panel.own else _TOP - 6, down, anchor="end"))
    for line, (row, name) in enumerate(zip(panel.values, panel.rows)):
        y = _TOP + apart + _ROW * line
        if name:
            parts.append(_words(_LEFT - 6, y + _ROW - 1, name, anchor="end"))
        parts += [
            _cell(_LEFT + _CELL * place, y, _ROW, value, limit, f"{name or 'below'}, {across} {column}")
            for place, (value, column) in enumerate(zip(row, panel.columns))
        ]
    frame = f'width="{_CELL * len(panel.columns)}" height="{_ROW * len(panel.values)}" fill="none"'
    parts.append(f'<rect x="{_LEFT}" y="{_TOP + apart}" {frame} stroke="var(--rule)"/>')
    if panel.marked is not None:
        y = _TOP + apart + _ROW * panel.marked + _ROW / 2
        parts.append(f'<path d="M{_LEFT - 5} {y - 4}L{_LEFT - 1} {y}L{_LEFT - 5} {y + 4}z" fill="var(--ink)"/>')
    parts += [
        _words(_LEFT + _CELL * place + _CELL / 2, bottom + 13, name, anchor="middle")
        for place, name in enumerate(panel.columns)
    ]
    parts.append(_words(_LEFT + _CELL * len(panel.columns) / 2, bottom + 28, across, anchor="middle"))
    return _svg(width, bottom + 34, "".join(parts))


def _scale(limit: float) -> str:
    """The key of colours, from what is 2^limit times below one to what is as far above."""
    steps = 12
    parts = [_cell(14 * place, 0, 12, limit * (2 * place / steps - 1), limit, "") for place in range(steps + 1)]
    far = significant(2.0**limit, 2)
    for place, text in ((0, f"÷{far}"), (steps / 2, "same"), (steps, f"×{far}")):
        anchor = "start" if place == 0 else "end" if place == steps else "middle"
        x = 14 * place + (0 if place == 0 else 14 if place == steps else 7)
        parts.append(_words(x, 26, text, anchor=anchor))
    return _svg(14 * (steps + 1), 30, "".join(parts))


def _cell(x: float, y: float, height: float, value: float | None, limit: float, note: str) -> str:
    if value is None:
        return ""
    colour = "accent" if value > 0 else "behind"
    strength = min(1.0, abs(value) / limit)
    told = f"<title>{escape(note)}: ×{escape(significant(2.0**value))}</title>" if note else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{_CELL if height != 12 else 14}" height="{height:g}" '
        f'fill="var(--{colour})" fill-opacity="{strength:.3f}">{told}</rect>'
    )


def _words(x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400, ink: str = "muted") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{_TEXT}" font-weight="{weight}" '
        f'fill="var(--{ink})">{escape(text)}</text>'
    )


def _svg(width: float, height: float, inside: str) -> str:
    box = f'viewBox="0 0 {width:g} {height:g}"'
    return f'<svg {box} style="display:block;width:{width / 16:.3g}rem;max-width:100%;height:auto">{inside}</svg>'


def _drawn(panels: Sequence[HeatPanel], format: str, *, limit: float, across: str, down: str) -> bytes:
    """The panels as the bytes of a file, by matplotlib: of each, the row apart and the grid below it."""
    Canvas = canvas_class()
    columns = 2 if len(panels) in (2, 4) else min(len(panels), 3)
    lines = -(-len(panels) // columns)
    with report_style():
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap, Normalize

        stops = [STROKES["linear-init"].light, SURFACE["light"]["ground"], STROKES["network"].light]
        colours = ScalarMappable(Normalize(-limit, limit), LinearSegmentedColormap.from_list("", stops))
        canvas = Canvas(figsize=(2.2 * columns + 1, 2.5 * lines), layout="constrained")
        grid = canvas.add_gridspec(2 * lines, columns, height_ratios=[0.07, 1] * lines)
        used = []
        for place, panel in enumerate(panels):
            line, column = divmod(place, columns)
            apart, main = (canvas.add_subplot(grid[2 * line + k, column]) for k in (0, 1))
            apart.set_title(panel.title, loc="left", fontsize=8, fontweight="bold", parse_math=False)
            _mesh(apart, [panel.own] if panel.own else [], colours, rows=[panel.own_name], columns=[])
            _mesh(main, panel.values, colours, rows=panel.rows, columns=panel.columns)
            main.set_xlabel(across)
            if column == 0:
                main.set_ylabel(down)
            used += [apart, main]
        bar = canvas.colorbar(colours, ax=used, shrink=0.5 / lines, aspect=15)
        far = significant(2.0**limit, 2)
        bar.set_ticks([-limit, 0, limit], labels=[f"÷{far}", "same", f"×{far}"])
        bar.outline.set_visible(False)
        return file_bytes(canvas, format=format)


def _mesh(ax: Any, values: Sequence[Sequence[float | None]], colours: Any, *, rows: Any, columns: Any) -> None:
    """A grid of cells with the first row on top, and a tick for each row and column that has a name."""
    if not values:
        ax.set_axis_off()
        return
    cells = np.array([[np.nan if value is None else value for value in row] for row in values], dtype=float)
    ax.pcolormesh(cells, cmap=colours.cmap, norm=colours.norm, rasterized=False)
    ax.invert_yaxis()
    named = [(place + 0.5, plain(name)) for place, name in enumerate(rows) if name]
    ax.set_yticks([place for place, _ in named], [name for _, name in named])
    ax.set_xticks([place + 0.5 for place in range(len(columns))], [plain(name) for name in columns])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
