"""The five learners that a comparison sets side by side, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tangentlab._errors import ArgumentError, UnknownNameError


@dataclass(frozen=True)
class Learner:
    """What a learner is: `anchor` is the point at which it linearizes, None for the network itself."""

    name: str
    anchor: str | None
    description: str


LEARNERS: dict[str, Learner] = {
    "network": Learner("network", None, "the network itself, trained by the descent"),
    "linear-init": Learner(
        "linear-init",
        "init",
        "its linearization at the initial weights, f0 + J(θ − θ0), trained by the same descent on the same batches",
    ),
    "linear-end": Learner(
        "linear-end",
        "end",
        "the centred linearization at the trained weights, J(θ − θ_end), trained by the same descent from zero",
    ),
    "ridge-init": Learner(
        "ridge-init", "init", "kernel ridge regression of y − f0 with the tangent kernel at the initial weights"
    ),
    "ridge-end": Learner(
        "ridge-end", "end", "kernel ridge regression of y with the tangent kernel at the trained weights"
    ),
}
"""Name to learner."""


def choose_learners(names: str | Iterable[str]) -> tuple[str, ...]:
    """The named learners in the order of the table; "all" stands for every one.

    >>> choose_learners(["ridge-init", "network"])
    ('network', 'ridge-init')
    >>> len(choose_learners("all"))
    5
    """
    named = [names] if isinstance(names, str) else list(names)
    if "all" in named:
        return tuple(LEARNERS)
    for name in named:
        if name not in LEARNERS:
            raise UnknownNameError("learners", name, [*LEARNERS, "all"])
    if not named:
        raise ArgumentError("learners", expected="at least one learner", got="none", remedy="Try learners='all'.")
    return tuple(name for name in LEARNERS if name in named)
