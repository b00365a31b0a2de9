"""A table of a page: a caption, a note, headings, and rows of cells of text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A cell: `text`, a smaller `detail` under or beside it, and the `style` the page gives it.

    >>> Cell("91.2", detail="± 0.8", style="number").rows
    1
    """

    text: str
    detail: str = ""
    style: str = ""
    rows: int = 1


@dataclass(frozen=True)
class Table:
    """A table with a `key` for anchors, a caption, one heading a column, and rows of cells.

    >>> Table("k", "Nothing", note="", columns=("a",), rows=()).rows
    ()
    """

    key: str
    caption: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
