"""Directions of inputs as pictures: a grid of images, of lines where a row is no image, for a page or as a file.

Positive parts are drawn in one colour and negative ones in another, as strong as they are large, over the ground of the
page, light or dark; three channels are drawn as colours around grey. Each picture has a scale of its own, since
directions have length 1 and a smooth one has small entries everywhere: what half a percent of its entries exceed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from tangentlab._atomic import write_atomically
from tangentlab._errors import ArgumentError, ShapeError
from tangentlab._shapes import expect_finite
from tangentlab.report.palette import STROKES, SURFACE
from tangentlab.report.png import png
from tangentlab.report.template import Image

_TILE, _GAP, _COLUMNS, _TEXT = 112, 16, 6, 34
"""Pixels of a file's layout: a picture, the space between two, pictures in a line, and the words below."""
_POSITIVE, _NEGATIVE = STROKES["network"], STROKES["linear-init"]
_FONT = 'Inter, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_BARS = 512
"""Most bars of a line; longer rows show the largest entry of each stretch."""


def draw_directions(
    key: str,
    directions: Any,
    *,
    values: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    title: str = "Anisotropy directions",
    caption: str | None = None,
) -> Image:
    """Directions (k, *shape) as an `Image` for a page, in lines that fold with its width.

    A row of shape (h, w), (1, h, w) or (c, h, w) is an image, with three channels in colour and any other number side
    by side; (d,) and (c, d) of one or two channels are lines. `values` s_k² stand below the index, which counts from 0
    and which `names` replace. Nothing but numbers and escaped words goes into the page.

    >>> draw_directions("d", np.eye(4).reshape(4, 1, 2, 2), values=[4.0, 3.0, 2.0, 1.0]).svg.count("<svg")
    4
    """
    tiles = _tiles(key, directions, values=values, names=names)
    width = f"width:clamp(4.5rem,15%,{_TILE}px)"
    words = "font-size:.75rem;line-height:1.4;margin-top:.3rem;white-space:nowrap"
    parts = [
        f'<div style="{width}">{tile.svg(css=True)}<div style="{words}">'
        f'<span style="font-weight:600">{escape(tile.name)}</span><br>'
        f'<span style="color:var(--muted)">{escape(tile.value) or "&nbsp;"}</span></div></div>'
        for tile in tiles
    ]
    grid = "".join(parts)
    return Image(
        key,
        title,
        CAPTION.format(
            colours=_CHANNELS if np.shape(directions)[1:2] == (3,) and np.ndim(directions) == 4 else _SIGNS
        )
        if caption is None
        else caption,
        svg=f'<div style="display:flex;flex-wrap:wrap;gap:1rem 1.1rem;margin-block:.75rem">{grid}</div>',
    )


CAPTION = (
    "Directions v_k of inputs, by the eigenvalues s_k² of the mixed derivative of the initial network in its weights "
    "and its inputs, largest first: along the first of them the network tells classes apart the fastest. {colours} "
    "Each picture has its own scale, which half a percent of its entries exceed."
)
_SIGNS, _CHANNELS = "Orange is positive, blue negative.", "Channels are colours around grey, which is zero."


def directions_svg(
    directions: Any, *, values: Sequence[float] | None = None, names: Sequence[str] | None = None, title: str = ""
) -> str:
    """The same grid as one SVG file, that follows the reader's light or dark.

    >>> directions_svg(np.eye(2), values=[2.0, 1.0]).startswith("<svg xmlns=")
    True
    """
    tiles = _tiles("direction", directions, values=values, names=names)
    columns = min(_COLUMNS, len(tiles))
    lines = -(-len(tiles) // columns)
    top = 40 if title else _GAP
    width = columns * (_TILE + _GAP) + _GAP
    tall = max(tile.height for tile in tiles)
    step = tall + _TEXT + _GAP
    height = top + lines * step
    rules = [
        f"svg{{--ink:{ground['ink']};--muted:{ground['muted']};--rule:{ground['rule']};--ground:{ground['ground']};"
        f"--accent:{positive};--behind:{negative}}}"
        for ground, positive, negative in (
            (SURFACE["light"], _POSITIVE.light, _NEGATIVE.light),
            (SURFACE["dark"], _POSITIVE.dark, _NEGATIVE.dark),
        )
    ]
    style = f"{rules[0]}@media (prefers-color-scheme: dark){{{rules[1]}}}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f"font-family='{_FONT}' font-size=\"12\">"
        f"<style>{style}</style>"
        f'<rect width="{width}" height="{height}" fill="var(--ground)"/>'
    ]
    if title:
        parts.append(
            f'<text x="{_GAP}" y="25" font-size="14" font-weight="600" fill="var(--ink)">{escape(title)}</text>'
        )
    for i, tile in enumerate(tiles):
        x, y = _GAP + (i % columns) * (_TILE + _GAP), top + (i // columns) * step
        parts.append(f'<g transform="translate({x},{y})">{tile.svg(css=False)}')
        parts.append(
            f'<text y="{tile.height + 15}" font-weight="600" fill="var(--ink)">{escape(tile.name)}</text>'
            f'<text y="{tile.height + 29}" fill="var(--muted)">{escape(tile.value)}</text></g>'
        )
    return "".join(parts) + "</svg>\n"


def save_directions(path: str | Path, directions: Any, **words: Any) -> Path:
    """Write `directions_svg` to a file, whole or not at all, and return its path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_directions(folder + "/directions.svg", np.eye(3)).name
    'directions.svg'
    """
    path = Path(path)
    write_atomically(path, directions_svg(directions, **words).encode())
    return path


@dataclass(frozen=True)
class _Tile:
    """One picture with its words; `body` is drawn in a box `_TILE` wide and `height` high."""

    name: str
    value: str
    height: int
    body: str

    def svg(self, *, css: bool) -> str:
        box = f'viewBox="0 0 {_TILE} {self.height}"'
        size = 'style="display:block;width:100%;height:auto"' if css else f'width="{_TILE}" height="{self.height}"'
        edge = f'<rect x=".5" y=".5" width="{_TILE - 1}" height="{self.height - 1}" fill="none" stroke="var(--rule)"/>'
        return f"<svg {box} {size}>{self.body}{edge}</svg>"


def _tiles(
    key: str, directions: Any, *, values: Sequence[float] | None, names: Sequence[str] | None
) -> list[_Tile]:
    try:
        array = np.asarray(directions, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(
            "directions", expected="an array of numbers", got=type(directions).__name__, remedy="Pass .numpy()."
        ) from None
    if not 2 <= array.ndim <= 4 or 0 in array.shape:
        raise ShapeError(
            "directions",
            expected="(k, d), (k, h, w) or (k, c, h, w)",
            got=str(array.shape),
            remedy="Put the directions first.",
        )
    expect_finite("directions", array)
    for argument, words in (("values", values), ("names", names)):
        if words is not None and len(words) != len(array):
            raise ArgumentError(
                argument, expected=f"one for each of the {len(array)} directions", got=len(words), remedy="Cut it."
            )
    tiles = []
    for i, one in enumerate(array):
        scale = np.quantile(np.abs(one), 0.995, method="higher") or np.abs(one).max() or 1.0
        body, height = _body(np.clip(one / scale, -1, 1), f"{key}-{i}")
        value = "" if values is None else f"s² {float(values[i]):.3g}"
        tiles.append(_Tile(str(i) if names is None else str(names[i]), value, height, body))
    return tiles


def _body(one: np.ndarray, key: str) -> tuple[str, int]:
    """A direction scaled to entries from −1 to 1, as SVG, and its height."""
    if one.ndim == 1 or (one.ndim == 2 and min(one.shape) < 3):
        lines = one.reshape(1, -1) if one.ndim == 1 else one
        return _lines(lines), _TILE * 5 // 8
    if one.ndim == 3 and one.shape[0] == 3:
        pixels = np.rint(127.5 + 127.5 * one.transpose(1, 2, 0)).astype(np.uint8)
        height = _height(pixels)
        return _image(png(pixels), height), height
    flat = one if one.ndim == 2 else np.concatenate(list(one), axis=1)
    height = _height(flat)
    parts = []
    for sign, name, colour in ((1, "p", "accent"), (-1, "n", "behind")):
        pixels = np.rint(255 * np.clip(sign * flat, 0, 1)).astype(np.uint8)
        parts.append(
            f'<mask id="{escape(key)}{name}">{_image(png(pixels), height)}</mask>'
            f'<rect width="{_TILE}" height="{height}" fill="var(--{colour})" mask="url(#{escape(key)}{name})"/>'
        )
    return "".join(parts), height


def _height(pixels: np.ndarray) -> int:
    return int(np.clip(round(_TILE * pixels.shape[0] / pixels.shape[1]), _TILE // 4, 2 * _TILE))


def _image(data: bytes, height: int) -> str:
    source = base64.b64encode(data).decode()
    return (
        f'<image href="data:image/png;base64,{source}" width="{_TILE}" height="{height}" '
        'preserveAspectRatio="none" style="image-rendering:pixelated"/>'
    )


def _lines(lines: np.ndarray) -> str:
    """Bars up and down from a zero line, one zero line for each channel."""
    height = _TILE * 5 // 8
    each = height / len(lines)
    parts = []
    for c, line in enumerate(lines):
        if len(line) > _BARS:
            line = np.array([part[np.abs(part).argmax()] for part in np.array_split(line, _BARS)])
        width, zero = _TILE / len(line), (c + 0.5) * each
        for sign, colour in ((1, "accent"), (-1, "behind")):
            bars = "".join(
                f"M{i * width:.2f} {zero:.2f}v{-0.46 * each * v:.2f}h{0.9 * width:.2f}V{zero:.2f}z"
                for i, v in enumerate(line)
                if sign * v > 0
            )
            parts.append(f'<path d="{bars}" fill="var(--{colour})"/>')
        parts.append(f'<path d="M0 {zero:.2f}H{_TILE}" stroke="var(--rule)"/>')
    return "".join(parts)
