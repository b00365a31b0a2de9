"""Groups of classes, written and read: `0-4`, `0-1/2-3/4-9`, `Shirt,Coat/Bag`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from operator import index

from tangentlab._errors import ArgumentError, DataError, UnknownNameError

Groups = tuple[tuple[int, ...], ...]

NUMBER = re.compile(r"[+-]?\d+")
RANGE = re.compile(r"([+-]?\d+)-([+-]?\d+)")


def read_groups(groups: str | Iterable[object], classes: Sequence[str]) -> Groups:
    """Indices of the classes in each group, checked.

    Text: groups are separated by `/`, classes in a group by `,`; a class is its name, a number, or a range
    of numbers `a-b` with both ends. A name is recognized first, and longest names before shorter ones, so
    that names may hold the separators. Lists: one list a group, of names and numbers; a single list that
    holds no lists is one group.

    A number is the index of a class, counted from 0, unless all class names are integers: then it is the
    name (the two agree for digits).

    Errors: `DataError` for an empty group, a class in two groups; `UnknownNameError` for no class.

    >>> read_groups("0-1/cow,cat", ["hen", "dog", "cat", "cow"])
    ((0, 1), (2, 3))
    >>> read_groups([["cow", 0]], ["hen", "dog", "cat", "cow"])
    ((0, 3),)
    """
    if isinstance(groups, str):
        found = _from_text(groups, classes)
    else:
        found = _from_lists(list(groups), classes)
    for position, group in enumerate(found):
        if not group:
            raise DataError(
                f"Group {position + 1} of {len(found)} is empty.", remedy="Name a class in every group."
            )
    members = [i for group in found for i in group]
    twice = next((i for i in members if members.count(i) > 1), None)
    if twice is not None:
        raise DataError(
            f"The class {classes[twice]!r} is named twice.", remedy="Put each class in one group, once."
        )
    return tuple(tuple(sorted(group)) for group in found)


def write_groups(groups: Groups, classes: Sequence[str]) -> str:
    """The one spelling of groups that every other is brought to, by numbers and ranges.

    >>> write_groups(((0, 1, 2, 4), (3,)), ["a", "b", "c", "d", "e"])
    '0-2,4/3'
    """
    numbers = _numbers(classes)
    return "/".join(",".join(_runs([numbers[i] for i in group], sorted(numbers))) for group in groups)


def _numbers(classes: Sequence[str]) -> list[int]:
    """The number each class goes by: its name if all names are distinct integers, else its index."""
    if all(NUMBER.fullmatch(name) for name in classes):
        named = [int(name) for name in classes]
        if len(set(named)) == len(named):
            return named
    return list(range(len(classes)))


def _from_text(text: str, classes: Sequence[str]) -> list[list[int]]:
    groups: list[list[int]] = [[]]
    position = 0
    while True:
        indices, position = _next_class(text, position, classes)
        groups[-1] += indices
        if position == len(text):
            return groups
        if text[position] == "/":
            groups.append([])
        position += 1


def _next_class(text: str, start: int, classes: Sequence[str]) -> tuple[list[int], int]:
    """Indices that the text at `start` names, and the position of the separator behind them."""
    rest = text[start:].lstrip()
    start = len(text) - len(rest)
    for name in sorted(classes, key=len, reverse=True):
        if name and rest.startswith(name) and (end := _end(text, start + len(name))) is not None:
            return [list(classes).index(name)], end
    for pattern in (RANGE, NUMBER):
        match = pattern.match(rest)
        if match and (end := _end(text, start + match.end())) is not None:
            bounds = [int(match[i]) for i in range(1, pattern.groups + 1)] or [int(match[0])]
            return _by_number(bounds[0], bounds[-1], classes), end
    token = re.split("[,/]", rest, maxsplit=1)[0]
    if not token.strip():
        return [], start + len(token)
    raise UnknownNameError("class", token.strip(), classes)


def _end(text: str, position: int) -> int | None:
    """The next separator, or the end of the text, if only spaces stand before it."""
    rest = text[position:].lstrip()
    return len(text) - len(rest) if rest[:1] in ("", ",", "/") else None


def _by_number(first: int, last: int, classes: Sequence[str]) -> list[int]:
    numbers = _numbers(classes)
    for number in (first, last):
        if number not in numbers:
            raise ArgumentError(
                "class",
                expected=f"one of the {len(classes)} numbers from {min(numbers)} to {max(numbers)}",
                got=number,
                remedy=f"The classes are {', '.join(classes)}.",
            )
    if first > last:
        raise ArgumentError(
            "class", expected="a range from low to high", got=f"{first}-{last}", remedy=f"Try {last}-{first}."
        )
    return [i for i, number in enumerate(numbers) if first <= number <= last]


def _from_lists(groups: list[object], classes: Sequence[str]) -> list[list[int]]:
    if not any(isinstance(group, Iterable) and not isinstance(group, str) for group in groups):
        groups = [groups]
    found = []
    for group in groups:
        if isinstance(group, str) or not isinstance(group, Iterable):
            raise ArgumentError(
                "groups", expected="lists of classes", got=repr(group), remedy="Try groups=[[0, 1], [2, 3]]."
            )
        found.append([_one_class(label, classes) for label in group])
    return found


def _one_class(label: object, classes: Sequence[str]) -> int:
    if isinstance(label, str):
        if label not in classes:
            raise UnknownNameError("class", label, classes)
        return list(classes).index(label)
    if isinstance(label, bool) or not hasattr(label, "__index__"):
        raise ArgumentError(
            "class",
            expected="a name or a number",
            got=repr(label),
            remedy=f"The classes are {', '.join(classes)}.",
        )
    number = index(label)  # type: ignore[arg-type]
    return _by_number(number, number, classes)[0]


def _runs(group: list[int], numbers: list[int]) -> list[str]:
    """Numbers as ranges, where a range runs over all of `numbers` between its ends."""
    places = sorted(numbers.index(number) for number in group)
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return [str(numbers[run[0]]) if len(run) == 1 else f"{numbers[run[0]]}-{numbers[run[-1]]}" for run in runs]
