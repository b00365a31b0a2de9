"""The page's template filled in: style, scripts and figures are written into it, so that it needs no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from tangentlab.report.figure import Figure
from tangentlab.report.palette import STROKES, SURFACE
from tangentlab.report.plotly_spec import plotly_spec

_SCRIPTS = ("plotly-cartesian.min.js", "theme.js", "page.js")


@dataclass(frozen=True)
class Image:
    """A picture that is not made of lines and points: inline SVG with a title and a caption.

    `svg` is written into the page as it is: whoever makes it escapes what is not its own. `draw` gives it as the bytes
    of a file in a format ("svg", "pdf", "png"); None where it is for pages only.

    >>> Image("k", "Title", "what it shows", svg="<svg></svg>").key
    'k'
    """

    key: str
    title: str
    caption: str
    svg: str
    draw: Callable[[str], bytes] | None = field(default=None, compare=False)


def fill(*, figures: Sequence[Figure], images: Sequence[Image] = (), csv: str, **parts: Any) -> str:
    """The page as text. Names are escaped wherever they stand, and its content-security policy lets no script run but
    the three that are written into it. `parts` are the other names in the template.
    """
    scripts = {name: _static(name) for name in _SCRIPTS}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tangentlab.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        **parts,
        figures=figures,
        images=[replace(image, svg=Markup(image.svg)) for image in images],
        specs=[plotly_spec(figure) for figure in figures],
        palette={role: asdict(each) for role, each in STROKES.items()},
        surface=SURFACE,
        csv=base64.b64encode(csv.encode("utf-8", "replace")).decode(),
        style=Markup(_static("page.css")),
        scripts={name: Markup(text) for name, text in scripts.items()},
        hashes=[_hash(text) for text in scripts.values()],
    )


def _static(name: str) -> str:
    return (files("tangentlab.report") / "static" / name).read_bytes().decode("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
