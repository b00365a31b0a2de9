"""How training on one eigenfunction turns the kernel: Rayleigh quotients along all initial ones (experiment A6).

The network learns 1[φ_j > 0]. With v_i the initial eigenvectors and K_t the kernel on the way,

    r_i(t) = (v_iᵀ K_t v_i / v_iᵀ K_0 v_i) · (tr K_0 / tr K_t)          1 where the kernel only grows

on all rows, and at the end also on the train rows and the held-out ones alone, whose labels no step has seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tangentlab._errors import ArgumentError
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.rebound import in_state, rebound
from tangentlab.experiments.studies.eigenfunctions import present, tasks_of
from tangentlab.experiments.study.study import Settings
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.experiments.study.work import Work, steps_of
from tangentlab.experiments.study_parts.anchored_pool import MOST_DOUBLE, AnchoredPool
from tangentlab.experiments.study_parts.on_device import model_of
from tangentlab.experiments.study_parts.places import each_network_and_seed
from tangentlab.experiments.study_parts.pool import pool_of
from tangentlab.experiments.study_parts.protocol import descent_of, expect_statistics
from tangentlab.linalg import eigenpairs
from tangentlab.networks import Network
from tangentlab.probes import KernelRotation, kernel_rotation
from tangentlab.training import train
from tangentlab.training.snapshots import snapshot_steps

BINS = 24
"""Groups of neighbouring indices, of about one width on an axis of powers, whose medians are told."""


def units(settings: Settings) -> Iterator[Settings]:
    """One unit for each network and seed."""
    expect_statistics(settings)
    return each_network_and_seed(settings)


def work(settings: Settings) -> Work:
    """A descent and some kernels for each target, and the initial kernel with its leading eigenpairs."""
    n, targets = settings["samples"], len(settings["indices"])
    rows = n + settings["test_samples"]
    pairs = (rows, min(rows, settings["directions"]))
    steps = steps_of(n, batch=settings["batch_size"], epochs=settings["epochs"])
    return Work(
        kernels=((rows, rows),) * (1 + targets * settings["snapshots"]),
        double=rows <= MOST_DOUBLE,
        outputs=rows * (1 + targets * settings["snapshots"]),
        descents=((steps, settings["batch_size"]),) * targets,
        eigenpairs=(pairs, pairs),
    )


def measure(unit: StudyUnit, sources: Sources) -> Findings:
    """For each target: the quotients of initial eigenvectors on the way, and what has become of its own."""
    clock = Clock()
    rows = pool_of(unit, sources)
    model = model_of(unit, sources, shape=rows.shape)
    initial = Network(model, mode="eval")
    with clock.part("kernel"):
        anchor = AnchoredPool.at(initial, rows, unit)
    with clock.part("eigenfunctions"):
        count = _directions(anchor, unit["directions"])
        indices = present(unit["indices"], rows=count)
        found = anchor.eigenfunctions(count, form="transductive")
        tasks, refused = tasks_of(found, indices)
    targets, arrays = [], {"before": found.eigenvalues.numpy()}
    V, descent = found.functions.to(anchor.gram.values.device), descent_of(unit)
    steps = snapshot_steps(unit["snapshots"], steps=descent.steps(rows=anchor.n))
    for index, task in tasks.items():
        with clock.part("network"):
            state = train(model, task.x_train, task.y_train, descent, snapshots=steps)
        end, turned = rebound(initial, state.module), {}
        for step in steps:
            with clock.part("kernels on the way"):
                later = anchor.after(in_state(state.module, state.snapshots[step]), unit)
            turned[step] = kernel_rotation(anchor.gram.values, later.gram.values, directions=V, target=index)
        right = ((end(rows.x).cpu() > 0) == (torch.cat([task.y_train, task.y_test]) > 0.5)).double()
        targets.append(
            {
                "index": index,
                "train_accuracy": right[: anchor.n].mean().item(),
                "test_accuracy": right[anchor.n :].mean().item(),
                "distance": state.distance,
                **_ends(anchor, later, V, index),
                "path": _path(turned),
            }
        )
        arrays[f"after_{index}"] = np.stack([one.after for one in turned.values()])
        arrays[f"traces_{index}"] = np.array([anchor.gram.trace, *(one.trace_after for one in turned.values())])
    return Findings(
        {**anchor.readings(), "directions": count, "targets": targets, "refused": refused}, clock.seconds, arrays
    )


def _directions(anchor: AnchoredPool, wanted: int) -> int:
    """How many of the eigenvectors asked for stand above rounding."""
    values = eigenpairs(anchor.gram.values, min(wanted, len(anchor.gram.values))).values
    floor = len(anchor.gram.values) * torch.finfo(anchor.gram.values.dtype).eps * float(values[0])
    return int((values > floor).sum())


def _ends(before: AnchoredPool, after: AnchoredPool, V: Tensor, index: int) -> dict[str, Any]:
    """What has become of the target's quotient on all rows, the train rows, and the others."""
    n, whole = before.n, slice(None)
    found = {}
    for name, part in (("all", whole), ("train", slice(0, n)), ("held_out", slice(n, None))):
        K0, K1 = (each.gram.values[part, part] for each in (before, after))
        turned = kernel_rotation(K0, K1, directions=V[part], target=index)
        target = turned.target
        assert target is not None
        found[name] = {
            "ratio": target.ratio,
            "normalized": target.normalized.value,
            "normalized_error": target.normalized.standard_error,
            "rank_before": target.rank_before,
            "rank_after": target.rank_after,
            "neighbours": target.neighbours,
            "median_ratio": float(np.median(turned.ratios)),
            "trace_ratio": turned.trace_after / turned.trace_before,
        }
    return found


def _path(turned: Mapping[int, KernelRotation]) -> dict[str, Any]:
    """log₂ r_i(t): medians of groups of indices, and the target, after each number of steps."""
    count = len(next(iter(turned.values())).before)
    edges = bins(count)
    logs = {step: np.log2(np.maximum(one.normalized, np.finfo(float).tiny)) for step, one in turned.items()}
    return {
        "steps": list(turned),
        "first": edges[:-1],
        "medians": [[float(np.median(log[a:b])) for a, b in pairwise(edges)] for log in logs.values()],
        "target": [float(np.log2(one.target.normalized.value)) if one.target else None for one in turned.values()],
    }


def bins(count: int) -> list[int]:
    """Where groups of indices 0 … count − 1 begin, and their end, each about as wide as another on an axis of powers.

    >>> bins(3), bins(1)
    ([0, 1, 2, 3], [0, 1])
    """
    if count < 1:
        raise ArgumentError("directions", expected="at least one", got=count, remedy="Check the kernel.")
    edges = np.unique(np.geomspace(1, count + 1, min(BINS, count) + 1).round().astype(int)) - 1
    return edges.tolist()
