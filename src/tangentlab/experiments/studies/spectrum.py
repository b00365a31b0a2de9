"""The spectrum of the initial kernel (experiment A1): eigenvalues of the Gram matrix, and how they decay.

K v_j = l_j v_j on n rows; l_j / n estimates the eigenvalue of the kernel's integral operator.
"""

from __future__ import annotations

from collections.abc import Iterator

from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg import eigenpairs
from tangentlab.networks import Network

MOST_DENSE = 4000
"""Rows up to which all eigenvalues are computed."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed."""
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """One Gram matrix and its eigenvalues."""
    n = settings["samples"]
    return Work(kernels=((n, n),), eigenpairs=((n, n if n <= MOST_DENSE else settings["values"]),))


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """Eigenvalues over n, largest first, with their trace."""
    clock = Clock()
    rows = pool_of(unit, sources)
    model = model_of(unit, sources, shape=rows.shape)
    with clock.part("kernel"):
        kernel = NeuralTangentKernel(Network(model, mode="eval"), outputs=0, memory=unit["memory"] or None)
        gram = kernel.gram(rows.x_train)
    n = len(rows.x_train)
    with clock.part("spectrum"):
        pairs = eigenpairs(gram.values.double(), None if n <= MOST_DENSE else min(unit["values"], n))
    values = (pairs.values[: unit["values"]] / n).tolist()
    readings = {"rows": n, "trace": gram.trace / n, "eigenvalues": values, "kernel": gram.description}
    return Findings(readings, clock.seconds)
