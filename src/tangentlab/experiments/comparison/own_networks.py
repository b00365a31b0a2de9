"""Which tasks of a comparison the user's own networks can have, found before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from tangentlab._errors import NetworkError
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.inputs.own_network import is_own, refusal_of_own
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.tasks import Task


@dataclass(frozen=True, eq=False)
class OwnNetworks:
    """The networks of a spec that the catalogue does not have, each tried once on rows and outputs of a kind.

    >>> sources = Sources("digits", networks={"none": lambda: 1 / 0})
    >>> own = OwnNetworks(ComparisonSpec.of(networks=["none", "mlp"], test_samples=10), sources)
    >>> task = sources.task("random:2", own.spec, samples=20, seed=0)
    >>> print(own.refusal("none", task), own.refusal("mlp", task))
    The builder 'none' failed (ZeroDivisionError: division by zero). Call it by itself with no arguments. None
    """

    spec: ComparisonSpec
    sources: Sources
    tried: dict[tuple[str, tuple[int, ...], int], NetworkError | None] = field(default_factory=dict)

    def refusal(self, name: str, task: Task) -> NetworkError | None:
        """Why a network cannot have a task, at any seed; None if it can, and for those of the catalogue."""
        if not is_own(name, self.sources):
            return None
        given = name, task.shape, task.outputs
        if given not in self.tried:
            options = {"x": task.x_train[:2], "seeds": self.spec.seeds, "outputs": task.outputs}
            self.tried[given] = refusal_of_own(name, self.spec, self.sources, **options)
        return self.tried[given]

    def expect_somewhere(self) -> None:
        """Refuse a network that was asked for and has none of the tasks that it was tried on."""
        for name in self.spec.networks:
            found = [refusal for (network, *_), refusal in self.tried.items() if network == name]
            if found and None not in found:
                raise next(refusal for refusal in found if refusal is not None)
