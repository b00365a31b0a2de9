"""Sphinx configuration: `make docs` builds the pages, with warnings as errors.

Tutorials are run while they are read, so that pages show what they print; TUTORIAL_OUTPUTS=0 leaves that out.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

from myst_parser.parsers.sphinx_ import MystParser

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "src"))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tutorials are too small for more

import tangentlab

OUTPUTS = os.environ.get("TUTORIAL_OUTPUTS", "1") != "0"

project = "tangentlab"
author = "The tangentlab developers"
release = version = tangentlab.__version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown", ".py": "tutorial"}
exclude_patterns = ["_build", "conf.py", "make_*.py", "figures/*.py"]

html_theme = "furo"
html_title = f"tangentlab {release}"
html_show_sphinx = False
html_show_copyright = False

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False  # what is inherited is documented where it comes from
default_role = "literal"  # docstrings write code between single backticks
nitpicky = False


class TutorialParser(MystParser):
    """A tutorial in `# %%` cells, read as the page it stands for."""

    supported = ("tutorial",)

    def parse(self, inputstring: str, document) -> None:
        """Parse the cells as Markdown."""
        super().parse(cells_as_markdown(inputstring, outputs=OUTPUTS), document)


def cells_as_markdown(text: str, *, outputs: bool) -> str:
    """Markdown cells without their comment signs, code cells fenced and followed by what they print."""
    pages: list[str] = []
    names: dict[str, Any] = {"__name__": "tutorial"}
    parts = re.split(r"^# %%( \[markdown\])?\n", text, flags=re.MULTILINE)[1:]
    for kind, cell in zip(parts[::2], parts[1::2]):
        if kind:
            pages.append(
                "\n".join(
                    line.removeprefix("#").removeprefix(" ") for line in cell.splitlines()
                )
            )
            continue
        pages.append(f"```python\n{cell.strip()}\n```")
        if outputs:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(cell, names)
            if printed.getvalue():
                pages.append(f"```text\n{printed.getvalue().rstrip()}\n```")
    return "\n\n".join(pages)


def docstring_as_rst(app, what, name, obj, options, lines: list[str]) -> None:
    """Docstrings are plain text with doctests; this gives them the marks that reStructuredText needs."""
    text = "\n".join(lines).strip("\n")
    text = re.sub(r"^(\w[\w ]*)\n-{3,}$", r".. rubric:: \1\n", text, flags=re.MULTILINE)
    blocks = re.split(r"\n\s*\n", text)
    listed = [before.startswith(".. rubric:: ") for before in ["", *blocks]]
    lines[:] = "\n\n".join(
        _block(block, named=named) for block, named in zip(blocks, listed)
    ).splitlines()


def _block(block: str, *, named: bool) -> str:
    first = next((line for line in block.splitlines() if line.strip()), "")
    if first.lstrip().startswith((">>>", ".. ", "::")):
        return block
    if all(line.startswith("    ") for line in block.splitlines() if line.strip()):
        return "::\n\n" + block
    lines = block.splitlines()
    if first.startswith("=") or (
        len(lines) > 1 and all(line.startswith("|") for line in lines)
    ):
        return "::\n\n" + "\n".join("    " + line for line in lines)
    if named:
        return "\n".join(_named_entry(line) for line in lines)
    return "\n".join(_escaped(line) for line in lines)


def _named_entry(line: str) -> str:
    """`name: what it is`, continued on indented lines: how parameters and errors are listed."""
    if line.startswith(" "):
        return "  " + _escaped(line.strip())
    names, _, about = line.partition(": ")
    return f"- **{names}**: {_escaped(about)}"


def _escaped(line: str) -> str:
    """Signs that reStructuredText would take for markup, outside of code."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(
        part
        if part.startswith("`")
        else re.sub(r"(?<!^)[*|]|(?<=\w)_(?=\W|$)", r"\\\g<0>", part)
        for part in parts
    )


def setup(app) -> None:
    """Register the tutorials and the docstrings."""
    app.add_source_parser(TutorialParser)
    app.connect("autodoc-process-docstring", docstring_as_rst)
