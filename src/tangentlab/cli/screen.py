"""What the terminal shows: aligned tables, sparklines, durations; plain text where nobody looks at colours."""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width


def is_terminal() -> bool:
    """Whether stderr, where progress goes, is a terminal that may be drawn on."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of words as aligned columns; columns of numbers stand to the right.

    >>> print(table([{"name": "a", "size": "1"}, {"name": "bb", "size": "10"}]))
    name  size
    a        1
    bb      10
    """
    if not rows:
        return ""
    names = list(rows[0])
    columns = {name: [name, *(row[name] for row in rows)] for name in names}
    widths = {name: max(map(_width, column)) for name, column in columns.items()}
    right = {name: all(_is_number(value) for value in column[1:]) for name, column in columns.items()}
    lines = []
    for i in range(len(rows) + 1):
        cells = [_padded(columns[name][i], widths[name], right=right[name]) for name in names]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def fitted_table(rows: Sequence[Mapping[str, str]]) -> str:
    """The table, its words folded where it is wider than the terminal it goes to; in a pipe a row is a line.

    >>> fitted_table([{"name": "a", "size": "1"}]) == table([{"name": "a", "size": "1"}])
    True
    """
    whole, width = table(rows), shutil.get_terminal_size().columns
    if not sys.stdout.isatty() or max(map(_width, whole.splitlines()), default=0) <= width:
        return whole
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    folded = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for name in rows[0]:
        folded.add_column(Text(name))
    for row in rows:
        folded.add_row(*(Text(value) for value in row.values()))
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as shown:
        console.print(folded)
    return "\n".join(line.rstrip() for line in shown.get().splitlines())


def sparkline(values: Iterable[float]) -> str:
    """Numbers as a row of blocks, from the least to the largest.

    >>> sparkline([1.0, 4.5, 8.0])
    '▁▅█'
    """
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    span = (high - low) or 1.0
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * (number - low) / span))] for number in numbers)


def duration(seconds: float | None) -> str:
    """A time in words as short as they can be.

    >>> duration(4.2), duration(75), duration(3700), duration(None)
    ('4 s', '1 min 15 s', '1 h 1 min', 'unknown')
    """
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def as_json(value: Any) -> str:
    """JSON for `--json`; numbers that are not finite become text, which JSON can say.

    >>> as_json({"a": float("inf")})
    '{"a": "inf"}'
    """
    return json.dumps(_finite(value), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _is_number(text: str) -> bool:
    return not text or (text[0] in "0123456789+−-–" and not any(c.isalpha() for c in text))


def _width(text: str) -> int:
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _padded(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
