"""Tables of numbers with a column of labels, as comma-, semicolon- or tab-separated text."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from tangentlab._errors import DataError, UnknownNameError
from tangentlab.data.data import Data

SEPARATORS = (",", ";", "\t")


def read_table(path: str | os.PathLike[str], *, label: str | None = None, name: str | None = None) -> Data:
    r"""Data from a CSV file: one row a line, features as numbers, labels as integers or text.

    The labels are the column named `label`, or the last one. The first line is a header when any of its
    feature cells is not a number, or its label alone is not one. The separator is the commonest of comma,
    semicolon and tab in it. Class names are the labels' text, verbatim. An empty cell counts as not a
    number and is refused.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "flowers.csv")
    ...     _ = path.write_text("width,kind\n1.5,iris\n2.5,rose\n")
    ...     data = read_table(path)
    >>> data.x.tolist(), data.classes
    ([[1.5], [2.5]], ('iris', 'rose'))
    """
    path = Path(path)
    lines = _lines(path)
    width = len(lines[0][1])
    if width < 2:
        raise DataError(
            f"{path} has a single column.",
            remedy="Separate features and label by commas, semicolons or tabs.",
        )
    for number, cells in lines:
        if len(cells) != width:
            raise DataError(
                f"{path} has {len(cells)} cells on line {number} and {width} on its first.",
                remedy="Give every line the same number of cells; quote text that holds the separator.",
            )
    column = _label_column(path, lines[0][1], label)
    header = lines[0][1]
    if label is not None or _is_header(lines, column):
        lines = lines[1:]
    else:
        header = [f"column {i + 1}" for i in range(width)]
    if not lines:
        raise DataError(f"{path} has a header and no rows.", remedy="Check how it was exported.")
    labels = _labels(path, lines, column)
    rows = [_numbers(path, number, cells, header, column) for number, cells in lines]
    return Data.from_arrays(np.stack(rows), labels, name=path.stem if name is None else name)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            separator = max(SEPARATORS, key=first.count)
            reader = csv.reader(file, delimiter=separator, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error.reason}.", remedy="Save it as UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table: {error}.", remedy="Check the file.") from error
    if not lines:
        raise DataError(f"{path} is empty.", remedy="Check how it was exported.")
    return lines


def _label_column(path: Path, header: list[str], label: str | None) -> int:
    if label is None:
        return len(header) - 1
    names = [cell.strip() for cell in header]
    if label not in names:
        raise UnknownNameError("label", label, names, remedy=f"These are the columns of {path.name}.")
    return names.index(label)


def _is_header(lines: list[tuple[int, list[str]]], column: int) -> bool:
    first = lines[0][1]
    if not all(_is_number(cell) for i, cell in enumerate(first) if i != column):
        return True
    others = [_is_number(cells[column]) for _, cells in lines[1:]]
    return not _is_number(first[column]) and bool(others) and all(others)


def _labels(path: Path, lines: list[tuple[int, list[str]]], column: int) -> list[str] | list[float]:
    """Numbers where all labels are numbers, so that 10 comes after 9; else the text."""
    labels = [cells[column] for _, cells in lines]
    for (number, _), text in zip(lines, labels):
        if not text.strip():
            raise DataError(f"{path} has no label on line {number}.", remedy="Fill or drop the line.")
    return [float(text) for text in labels] if all(map(_is_number, labels)) else labels


def _numbers(path: Path, number: int, cells: list[str], header: list[str], column: int) -> np.ndarray:
    features = [cell if cell.strip() else "nan" for i, cell in enumerate(cells) if i != column]
    try:
        return np.array(features, dtype=np.float64)
    except ValueError as error:
        names = [text for i, text in enumerate(header) if i != column]
        wrong = next(i for i, cell in enumerate(features) if not _is_number(cell))
        raise DataError(
            f"{path} has {features[wrong]!r} in {names[wrong]!r} on line {number}, where a number was expected.",
            remedy="Encode text as numbers, or name the column of labels with label=.",
        ) from error


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True
