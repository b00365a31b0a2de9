"""Width scaling of the initial kernel (experiment B3): Θ_0 at widths w, 2w, 4w, ... against Θ_∞, and the network.

Networks are in standard parametrization, whose tangent kernel weighs layers by their fan-ins. Θ_∞ is taken at the
fan-ins of the network beside it, so that what lies between the two is the randomness of the weights alone; its error
may differ a little from width to width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Findings
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study_parts.contest import Contest
from tangentlab.experiments.study_parts.contestants import contest_work, findings_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.networks import NETWORKS
from tangentlab.probes import kernel_distance


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each seed, network and width; a network of the user's own is taken as it is, with width 0.

    >>> given = {"networks": ["mlp:depth=3", "mine"], "seeds": [0], "widths": [8, 16]}
    >>> [(unit["network"], unit["architecture"], unit["width"]) for unit in units(given)]
    [('mlp:depth=3,width=8', 'mlp:depth=3', 8), ('mlp:depth=3,width=16', 'mlp:depth=3', 16), ('mine', 'mine', 0)]
    """
    rest = {name: value for name, value in settings.items() if name != "widths"}
    for unit in each_network_and_seed(rest):
        name = unit["network"]
        head, colon, _ = name.partition(":")
        for width in settings["widths"] if head in NETWORKS else [0]:
            widened = f"{name}{',' if colon else ':'}width={width}" if width else name
            yield unit | {"network": widened, "architecture": name, "width": width}


work = contest_work


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Errors of every learner on each number of rows, and how far Θ_0 is from Θ_∞ on all of them."""
    task = pool_of(unit, sources, samples=max(unit["samples"])).two_groups()
    contest = Contest.of(unit, sources, task)
    found = findings_of(contest)
    told = {"architecture": unit["architecture"], "width": unit["width"], "to_infinite": None}
    if "infinite" in unit["learners"] and not isinstance(contest.closed_form, str):
        K, limit = contest.start.gram.values.double(), contest.infinite[0]
        told["to_infinite"] = {
            "relative": relative_distance(K, limit),
            "kernel_distance": kernel_distance(K, limit),
        }
    return replace(found, readings=found.readings | told)


def relative_distance(K: Tensor, limit: Tensor) -> float:
    """‖K − K_∞‖_F / ‖K_∞‖_F; it sees a change of scale, to which `kernel_distance` is blind.

    >>> import torch
    >>> relative_distance(1.25 * torch.eye(3), torch.eye(3))
    0.25
    """
    return float((K - limit).norm() / limit.norm())
