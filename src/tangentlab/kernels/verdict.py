"""Verdict: what the comparisons of an inspection found, remembered for networks of the same structure.

Comparing every parameter's route with autograd costs some evaluations in float64, more than the kernel of a few
dozen rows. What they find is a fact about code and shapes; a second kernel of the same network, after training say,
need not find it again. Each kernel is still compared with autograd on rows of its own, whatever is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from tangentlab.tangent.routes import Routes


@dataclass(frozen=True)
class Verdict:
    """The number of outputs, a route for each parameter, and whether the network reads its data."""

    outputs: int
    routes: Routes
    wary: bool


@dataclass
class Verdicts:
    """The verdicts found last, by all that they depend on.

    >>> found = Verdicts(most=1)
    >>> one = Verdict(1, Routes((), (), (), "vmap"), False)
    >>> found.remember("a", one); found.remember("b", one)
    >>> found.recall("a") is None, found.recall("b") is one, found.recall(None) is None
    (True, True, True)
    """

    most: int = 64
    _found: OrderedDict[Hashable, Verdict] = field(default_factory=OrderedDict)

    def recall(self, of: Hashable | None) -> Verdict | None:
        """What was found of a structure; None if nothing, or of an opaque one."""
        return None if of is None else self._found.get(of)

    def remember(self, of: Hashable | None, verdict: Verdict) -> None:
        """Keep a verdict, and forget the oldest beyond `most`."""
        if of is not None:
            self._found[of] = verdict
            while len(self._found) > self.most:
                self._found.popitem(last=False)
