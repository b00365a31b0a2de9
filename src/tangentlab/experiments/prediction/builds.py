"""The network that a prediction is about: by name, as a builder, or as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.inputs.given import named
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.goal import Goal
from tangentlab.networks import Network
from tangentlab.networks.inputs import Inputs, take_rows


@dataclass(frozen=True, eq=False)
class Builds:
    """A network by name, as a builder or as it is, and how it is had at a seed; `anchored` if it stands at one point.

    >>> import torch
    >>> Builds.of(nn.Linear(2, 3), name=None, x=torch.eye(2), initialization="lecun", dtype="float32").outputs
    3
    """

    name: str
    sources: Sources
    choices: ComparisonSpec
    anchored: bool
    outputs: int | None

    @classmethod
    def of(cls, model: Any, *, name: str | None, x: Inputs, initialization: str, dtype: str) -> Builds:
        """From what a caller gives; a module or Network is tried on two rows for its outputs."""
        names, own = named([model] if not isinstance(model, str) else model, "model", kinds=(nn.Module, Network))
        called = (names or ["the network"])[0]
        choices = ComparisonSpec.of(initialization=initialization, dtype=dtype)
        given = own.get(called)
        anchored = isinstance(given, (nn.Module, Network))
        outputs = None
        if anchored:
            network = Network(given, mode="eval")
            outputs = network(network.place(take_rows(x, slice(0, 2)))).shape[1]
        return cls(name or called, Sources("", networks=own), choices, anchored, outputs)

    def points(self, seeds: tuple[int, ...], *, shape: tuple[int, ...], goal: Goal) -> list[Network]:
        """The network at each seed, or the one point it stands at, in its own precision."""
        called = next(iter(self.sources.networks), self.name)
        if self.anchored:
            return [Network(self.sources.networks[called], mode="eval")]
        return [
            Network(
                self.sources.model(called, self.choices, shape=shape, outputs=goal.outputs, seed=s), mode="eval"
            )
            for s in seeds
        ]
