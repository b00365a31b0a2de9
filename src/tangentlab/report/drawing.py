"""Files drawn by matplotlib in the style of the report: one look, and the same bytes for the same picture."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from tangentlab._errors import MissingExtraError
from tangentlab.report.palette import SURFACE

_STYLE = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SURFACE["light"]["zero"],
    "axes.linewidth": 0.6,
    "xtick.color": SURFACE["light"]["muted"],
    "ytick.color": SURFACE["light"]["muted"],
    "text.color": SURFACE["light"]["ink"],
    "axes.labelcolor": SURFACE["light"]["muted"],
    "svg.fonttype": "none",
    "svg.hashsalt": "tangentlab",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}


def canvas_class() -> Any:
    """Matplotlib's figure, or `MissingExtraError` where it is not installed.

    >>> canvas_class().__name__
    'Figure'
    """
    try:
        import matplotlib  # noqa: F401
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", extra="plot") from error
    return Figure


@contextmanager
def report_style() -> Iterator[None]:
    """Matplotlib's settings of the report, as before on leaving; names in scripts that its font lacks are let be."""
    import matplotlib

    with matplotlib.rc_context(cast(Any, _STYLE)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        yield


def file_bytes(canvas: Any, *, format: str) -> bytes:
    """A figure as "svg", "pdf" or "png", without the time at which it was drawn."""
    buffer = io.BytesIO()
    date = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
    canvas.savefig(buffer, format=format, metadata=date)
    return buffer.getvalue()


def plain(text: str) -> str:
    """Text in which matplotlib finds no mathematics and no hidden label.

    >>> plain("_name")
    ' _name'
    """
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
