"""PathChanged: a later block of rows takes another path through a network than the rows that were checked."""

from __future__ import annotations

from collections.abc import Collection


class PathChanged(Exception):
    """Some parameters are used otherwise on these rows than on those that were checked."""

    def __init__(self, names: Collection[str]):
        super().__init__(", ".join(names))
        self.names = tuple(names)

    def __reduce__(self) -> tuple[type[PathChanged], tuple[tuple[str, ...]]]:
        return PathChanged, (self.names,)
