"""Options that hold several values: given again, or with commas between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import typer


def split_names(options: Iterable[str] | None) -> list[str] | None:
    """Plain names.

    >>> split_names(["a,b", "c"]), split_names(None)
    (['a', 'b', 'c'], None)
    """
    if not options:
        return None
    return [name for option in options for name in (part.strip() for part in option.split(",")) if name]


def split_tasks(options: Iterable[str] | None, known: Iterable[str]) -> list[str] | None:
    """Tasks, whose own commas stay: a piece that does not begin with a known task continues the one before.

    >>> split_tasks(["group:0,2,4,random:2"], ["group", "random"])
    ['group:0,2,4', 'random:2']
    """
    if not options:
        return None
    heads, tasks = set(known), []
    for option in options:
        for position, piece in enumerate(option.split(",")):
            if position and piece.strip().partition(":")[0] not in heads:
                tasks[-1] += f",{piece.strip()}"
            else:
                tasks.append(piece.strip())
    return tasks


def split_integers(name: str, options: Iterable[str] | None) -> list[int] | None:
    """Whole numbers; anything else is a usage error.

    >>> split_integers("--samples", ["100,300"])
    [100, 300]
    """
    numbers = split_names(options)
    if numbers is None:
        return None
    try:
        return [int(number) for number in numbers]
    except ValueError:
        raise typer.BadParameter(f"{', '.join(numbers)} should be whole numbers", param_hint=name) from None


def seeds(option: str | None) -> int | list[int] | None:
    """`3` counts seeds, `0,5` names them.

    >>> seeds("3"), seeds("0,5")
    (3, [0, 5])
    """
    if option is None:
        return None
    found = split_integers("--seeds", [option]) or []
    return found[0] if len(found) == 1 and "," not in option else found


def shape(option: str) -> tuple[int, ...]:
    """The shape of one input row.

    >>> shape("3,32,32")
    (3, 32, 32)
    """
    found: Sequence[int] = split_integers("--input-shape", [option]) or []
    return tuple(found)


def assignments(options: Iterable[str] | None) -> dict[str, Any]:
    """`name=value` pairs: numbers and truth values as such, commas make a list.

    >>> assignments(["index=1,10", "epochs=5", "ridge=1e-3", "task=parity"])
    {'index': [1, 10], 'epochs': 5, 'ridge': 0.001, 'task': 'parity'}
    """
    found = {}
    for option in options or ():
        name, equals, text = option.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{option!r} is not of the form NAME=VALUE", param_hint="--set")
        values = [_value(part.strip()) for part in text.split(",")]
        found[name.strip()] = values if len(values) > 1 else values[0]
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def number_or_word(option: str | None) -> float | str | None:
    """A number where it is one, else the word.

    >>> number_or_word("0.5"), number_or_word("gcv"), number_or_word(None)
    (0.5, 'gcv', None)
    """
    try:
        return None if option is None else float(option)
    except ValueError:
        return option
