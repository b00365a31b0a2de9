"""The learners that a comparison sets side by side, in the order in which they are reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tangentlab._errors import ArgumentError, UnknownNameError


@dataclass(frozen=True)
class Learner:
    """What a learner is: `anchor` is where its kernel is taken, None for the network itself."""

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
    "infinite": Learner(
        "infinite",
        "infinite",
        "kernel ridge regression of y with the tangent kernel at infinite width, for networks that have one in closed "
        'form (mlp, lenet, and vgg with average pools and no normalization); not among "all"',
    ),
}
"""Name to learner."""

EVERY_NETWORK = tuple(name for name in LEARNERS if name != "infinite")
"""Those that every network has: what "all" stands for."""


def choose_learners(names: str | Iterable[str]) -> tuple[str, ...]:
    """The named learners in the order of the table; "all" stands for those that every network has.

    >>> choose_learners(["ridge-init", "network"])
    ('network', 'ridge-init')
    >>> len(choose_learners("all")), choose_learners(["all", "infinite"])[-1]
    (5, 'infinite')
    """
    named = [names] if isinstance(names, str) else list(names)
    if "all" in named:
        named = [*EVERY_NETWORK, *(name for name in named if name != "all")]
    for name in named:
        if name not in LEARNERS:
            raise UnknownNameError("learners", name, [*LEARNERS, "all"])
    if not named:
        raise ArgumentError("learners", expected="at least one learner", got="none", remedy="Try learners='all'.")
    return tuple(name for name in LEARNERS if name in named)
