"""StructureMemory: what was found of a network's structure need not be found again for another of the same.

Comparing every parameter's route with autograd costs some evaluations in float64, more than the kernel of a few
dozen rows. What they find is a fact about code and shapes; a second kernel of the same network, after training say,
need not find it again. Each kernel is still compared with autograd on rows of its own, whatever is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tangentlab.tangent.routes import Routes


@dataclass(frozen=True)
class StructureVerdict:
    """The number of outputs, a route for each parameter, and whether the network reads its data."""

    outputs: int
    routes: Routes
    wary: bool


Found = TypeVar("Found")


@dataclass
class StructureMemory(Generic[Found]):
    """What was found last, by all that it depends on.

    >>> found = StructureMemory[int](most=1)
    >>> found.remember("a", 1); found.remember("b", 2)
    >>> found.recall("a"), found.recall("b"), found.recall(None)
    (None, 2, None)
    """

    most: int = 64
    _found: OrderedDict[Hashable, Found] = field(default_factory=OrderedDict)

    def recall(self, of: Hashable | None) -> Found | None:
        """What was found of a structure; None if nothing, or of an opaque one."""
        return None if of is None else self._found.get(of)

    def remember(self, of: Hashable | None, found: Found) -> None:
        """Keep what was found, and forget the oldest beyond `most`."""
        if of is not None:
            self._found[of] = found
            while len(self._found) > self.most:
                self._found.popitem(last=False)
