"""Groups of parameters by the modules that hold them: layers, blocks, or whatever prefixes one names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from tangentlab._errors import ArgumentError

Grouping = str | int | Mapping[str, str | Iterable[str]] | Callable[[str], str]
"""How to group: "layer", "parameter", a depth, names or glob patterns by group, or a function of a name."""


def parameter_groups(names: Iterable[str], by: Grouping = "layer") -> dict[str, tuple[str, ...]]:
    """The parameters of each group, in the order of `names`; every one in exactly one group.

    by: "layer" for the module that holds a parameter; "parameter" for each by itself; a number k for the first k
        parts of its name, so that 1 takes the blocks of which a network is made; a table {group: patterns}, where the
        first that fits counts and a prefix stands for all beneath it; or a function of the name

    >>> names = ["stem.weight", "blocks.0.a.weight", "blocks.0.a.bias", "blocks.1.a.weight", "scale"]
    >>> parameter_groups(names)["blocks.0.a"], list(parameter_groups(names))
    (('blocks.0.a.weight', 'blocks.0.a.bias'), ['stem', 'blocks.0.a', 'blocks.1.a', 'scale'])
    >>> list(parameter_groups(names, 2)), list(parameter_groups(names, {"trunk": "blocks", "rest": "*"}))
    (['stem', 'blocks.0', 'blocks.1', 'scale'], ['rest', 'trunk'])
    """
    if isinstance(by, bool) or not (
        isinstance(by, (int, Mapping)) or callable(by) or by in ("layer", "parameter")
    ):
        raise _refused(by)
    if isinstance(by, int) and by < 1:
        raise _refused(by)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_group(name, by), []).append(name)
    return {group: tuple(members) for group, members in groups.items()}


def _group(name: str, by: Grouping) -> str:
    *module, _ = name.split(".")
    if isinstance(by, Mapping):
        for group, patterns in by.items():
            wanted = [patterns] if isinstance(patterns, str) else patterns
            if any(fnmatchcase(name, one) or name.startswith(f"{one}.") for one in wanted):
                return group
        raise ArgumentError(
            "by", expected="groups for all parameters", got=f"none for '{name}'", remedy="Add {'rest': '*'} last."
        )
    if callable(by):
        return str(by(name))
    if by == "parameter" or not module:
        return name
    return ".".join(module if by == "layer" else module[: int(by)])


def _refused(by: object) -> ArgumentError:
    return ArgumentError(
        "by",
        expected="'layer', 'parameter', a depth from 1, a table of groups or a function of a name",
        got=by,
        remedy="Try by=1 for the blocks of a network.",
    )
