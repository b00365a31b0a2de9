"""The report's figures as SVG or PDF files for papers, drawn by matplotlib."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tangentlab._atomic import make_folder, write_atomically
from tangentlab._errors import UnknownNameError
from tangentlab.records import Store
from tangentlab.report.comparison import Comparison
from tangentlab.report.drawing import canvas_class, file_bytes, plain, report_style
from tangentlab.report.figure import Figure, Panel, Series
from tangentlab.report.figures import draw_figures
from tangentlab.report.palette import SURFACE, Stroke, stroke
from tangentlab.report.pictures import images_of, pictures_of

FORMATS = ("svg", "pdf", "png")
_DASHES = {"solid": "-", "dash": (0, (5, 2.5)), "dot": (0, (1, 1.5)), "dashdot": (0, (5, 1.5, 1, 1.5))}
_MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^"}


def save_figures(
    store_or_path: Store | str | Path, folder: str | Path, *, format: str = "svg"
) -> tuple[Path, ...]:
    """Write every figure of a store's report to `folder` as `<key>.<format>` and return the paths.

    `format` is "svg", "pdf" or "png". Needs the extra `plot` (`MissingExtraError`); files are replaced whole or not
    at all (`StoreError` where the folder cannot be written).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figures(Store.create(folder + "/run", {}), folder + "/figures")          # nothing ran, nothing to draw
    ()
    """
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    store = store_or_path if isinstance(store_or_path, Store) else Store.open(store_or_path)
    folder = make_folder(Path(folder))
    written = []
    records, spec = store.records(), store.spec
    if spec.get("study"):
        figures = tuple(figure for figure in pictures_of(spec, records) if figure.drawn)
    else:
        figures = draw_figures(Comparison.of(records, spec=spec))
    files = [(figure.key, drawn(figure, format=format)) for figure in figures]
    files += [(image.key, image.draw(format)) for image in images_of(spec, records) if image.draw is not None]
    for key, content in files:
        path = folder / f"{key}.{format}"
        write_atomically(path, content)
        written.append(path)
    return tuple(written)


def drawn(figure: Figure, *, format: str = "svg") -> bytes:
    """One figure as the bytes of a file; the same figure gives the same bytes.

    >>> from tangentlab.report.figure import Axis
    >>> panel = Panel("mlp", (Series("network", "network", x=(100.0, 300.0), y=(0.8, 0.9)),))
    >>> figure = Figure("k", "K", "", x=Axis("samples", log=True), y=Axis("accuracy"), panels=(panel,))
    >>> drawn(figure)[:5]
    b'<?xml'
    """
    Canvas = canvas_class()
    count = len(figure.panels)
    columns = min(count, 2 if figure.horizontal else 3)
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)
    tallest = max(len(panel.ticks or ()) for panel in figure.panels)
    height = 0.2 * tallest + 0.5 if figure.horizontal else 1.75
    with report_style():
        canvas = Canvas(figsize=(2.4 * columns + 0.9, height * rows + 0.9), layout="constrained")
        axes = canvas.subplots(rows, columns, squeeze=False, sharex=True).flatten()
        first: dict[str, Any] = {}
        for index, (ax, panel) in enumerate(zip(axes, figure.panels)):
            shares = not figure.horizontal and panel.group in first
            if shares:
                ax.sharey(first[panel.group])
            first.setdefault(panel.group, ax)
            _draw_panel(ax, panel, figure)
            if index + columns >= count:
                ax.set_xlabel(figure.x.title)
                ax.tick_params(labelbottom=True)
            if index % columns == 0:
                ax.set_ylabel(figure.y.title)
            elif shares and figure.panels[index - 1].group == panel.group:
                ax.tick_params(labelleft=False)
        for ax in axes[count:]:
            ax.set_visible(False)
        _draw_legend(canvas, axes, figure)
        return file_bytes(canvas, format=format)


def _draw_panel(ax: Any, panel: Panel, figure: Figure) -> None:
    ax.set_title(panel.title, loc="left", fontsize=8, fontweight="bold", parse_math=False)
    if figure.x.log:
        ax.set_xscale("log")
        # before there are data, or matplotlib warns of an empty range
        if figure.x.ticks and len(figure.x.ticks) == 1:
            ax.set_xlim(figure.x.ticks[0][0] / 1.6, figure.x.ticks[0][0] * 1.6)
    if figure.y.log:
        ax.set_yscale("log")
    if figure.x.zero:
        ax.axvline(0, color=SURFACE["light"]["zero"], linewidth=0.8)
    if figure.y.zero:
        ax.axhline(0, color=SURFACE["light"]["zero"], linewidth=0.8)
    for series in panel.series:
        _draw_series(ax, series, horizontal=figure.horizontal)
    _set_ticks(ax.xaxis, figure.x.ticks)
    _set_ticks(ax.yaxis, panel.ticks or figure.y.ticks)
    if panel.ticks:
        ax.set_ylim(-len(panel.ticks) + 0.4, 0.6)
        ax.tick_params(axis="y", length=0)


def _draw_series(ax: Any, series: Series, *, horizontal: bool) -> None:
    each = stroke(series.role)
    points = [(x, y) for x, y in zip(series.x, series.y) if x is not None and y is not None]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    line = _DASHES[each.dash] if series.line else "none"
    width = 0.8 if series.thin else 0.6 * each.width
    ax.plot(
        xs,
        ys,
        color=each.light,
        linestyle=line,
        linewidth=width,
        label=plain(series.name),
        **_marker(each, series),
    )
    if series.low is None or series.high is None:
        return
    bounds = [
        (x, y, low, high)
        for x, y, low, high in zip(series.x, series.y, series.low, series.high)
        if x is not None and y is not None and low is not None and high is not None
    ]
    if not bounds:
        return
    xs, ys, lows, highs = (list(column) for column in zip(*bounds))
    if series.band:
        ax.fill_between(xs, lows, highs, color=each.light, alpha=0.16, linewidth=0)
    elif horizontal:
        ax.hlines(ys, lows, highs, color=each.light, linewidth=0.9)
    else:
        ax.vlines(xs, lows, highs, color=each.light, linewidth=0.9)


def _marker(each: Stroke, series: Series) -> dict[str, Any]:
    if not series.markers:
        return {}
    hollow = each.marker.endswith("-open")
    return {
        "marker": _MARKERS[each.marker.removesuffix("-open")],
        "markersize": 4,
        "markerfacecolor": "white" if hollow else each.light,
        "markeredgecolor": each.light,
    }


def _set_ticks(axis: Any, ticks: tuple[tuple[float, str], ...] | None) -> None:
    if ticks is not None:
        axis.set_ticks([place for place, _ in ticks], [plain(text) for _, text in ticks])
        axis.set_ticks([], minor=True)


def _draw_legend(canvas: Any, axes: Any, figure: Figure) -> None:
    handles: dict[str, Any] = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels()):
            handles.setdefault(name, handle)
    if len(figure.legend) > 1:
        canvas.legend(
            handles.values(), handles.keys(), loc="outside upper left", ncols=min(len(handles), 5), frameon=False
        )
