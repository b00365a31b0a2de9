"""One cell from its names to its readings: build, linearize, train, linearize again, fit, measure.

A reading depends on the cell alone: wall times are kept apart, and every random draw has a seed of its own.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from tangentlab.experiments.comparison.cell import Cell
from tangentlab.experiments.comparison.learners import LEARNERS
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.learning.anchor import Anchor, kernel_flavour
from tangentlab.experiments.learning.findings import Clock, Findings
from tangentlab.experiments.learning.fits import Fit, assess, fit_linearization, fit_ridge
from tangentlab.experiments.learning.infinite import fit_infinite, infinite_width_network, refusal_of_infinite
from tangentlab.experiments.learning.rebound import rebound, with_initial_buffers
from tangentlab.experiments.machine.compute_device import model_on, present_device, task_on
from tangentlab.experiments.machine.share import memory_share
from tangentlab.networks import Network
from tangentlab.probes import kernel_distance
from tangentlab.tasks import Task
from tangentlab.training import TrainingState, train

HISTORY_POINTS = 100


def run_cell(cell: Cell, sources: Sources) -> Findings:
    """Compute every reading of a cell; errors of the network, the data or the numerics are raised.

    >>> from tangentlab.experiments.comparison.spec import ComparisonSpec
    >>> spec = ComparisonSpec.of(test_samples=50, epochs=2, learners=["network", "ridge-init"])
    >>> cell = Cell(spec=spec, network="mlp:width=4,depth=1", task="random:2", samples=30, seed=0)
    >>> found = run_cell(cell, Sources(data="digits"))
    >>> list(found.readings["learners"]), sorted(found.timings)
    (['network', 'ridge-init'], ['kernel-end', 'kernel-init', 'network', 'ridge-init', 'total'])
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = _run(cell, sources)
    heard = [
        f"{w.category.__name__}: {w.message}" for w in caught if not issubclass(w.category, DeprecationWarning)
    ]
    found.readings["warnings"] += list(dict.fromkeys(heard))
    return found


def _run(cell: Cell, sources: Sources) -> Findings:
    clock, spec = Clock(), cell.spec
    with clock.part("total"):
        device = present_device(spec.device)
        task = task_on(device, sources.task(cell.task, spec, samples=cell.samples, seed=cell.seed))
        model = sources.model(cell.network, spec, shape=task.shape, outputs=task.outputs, seed=cell.seed)
        model = model_on(device, model)
        descent = cell.descent(loss=task.loss)
        kernel = kernel_flavour(spec.kernel, rows=len(task.x_train), outputs=task.outputs)
        memory = spec.memory or memory_share(spec.threads, device=device)
        initial = Network(model, mode="eval")
        with clock.part("kernel-init"):
            anchors = {"init": Anchor.at(initial, task, kernel=kernel, memory=memory)}
        fits, readings = {}, {}
        learners, left_out = _learners(cell, sources, model=model, task=task)
        if any(name == "network" or LEARNERS[name].anchor == "end" for name in learners):
            with clock.part("network"):
                state = train(model, task.x_train, task.y_train, descent)
            end = rebound(initial, state.module)
            fits["network"] = Fit(end(task.x_train), end(task.x_test))
            frozen = end
            if spec.end_statistics == "initial":
                frozen = rebound(initial, with_initial_buffers(initial, state.module))
            with clock.part("kernel-end"):
                anchors["end"] = Anchor.at(frozen, task, kernel=kernel, memory=memory)
            readings |= _movement(initial, state) | {"history": _history(state)}
            readings["kernel_distance"] = kernel_distance(anchors["init"].shared, anchors["end"].shared)
        for name in learners:
            anchor = LEARNERS[name].anchor
            if name == "infinite":
                network = infinite_width_network(cell.network, spec, sources, model=model)
                with clock.part(name):
                    fits[name] = fit_infinite(
                        network, task, initial=anchors["init"], ridge=spec.ridge, memory=memory
                    )
            elif anchor is not None:
                with clock.part(name):
                    fits[name] = _fit(name, anchors[anchor], task, cell)
        readings["anchors"] = {name: anchor.readings(task, descent) for name, anchor in anchors.items()}
    readings |= {
        "learners": {name: assess(fits[name], task) for name in learners},
        "loss": task.loss,
        "outputs": task.outputs,
        "kernel_flavour": "scalar" if task.outputs == 1 else kernel,
        "parameters": initial.space.size,
        "classes": list(task.classes),
        "class_balance": _balance(task),
        "warnings": [*left_out, *(warning for name in learners for warning in fits[name].warnings)],
    }
    return Findings(readings, clock.seconds)


def _learners(
    cell: Cell, sources: Sources, *, model: nn.Module | Network, task: Task
) -> tuple[tuple[str, ...], list[str]]:
    """The learners that this network and task have, and why one is left out; the reason is raised if none is left."""
    learners = cell.spec.learners
    if "infinite" not in learners:
        return learners, []
    refusal = refusal_of_infinite(cell.network, cell.spec, sources, model=model, task=task)
    if refusal is None:
        return learners, []
    if len(learners) == 1:
        raise refusal
    return tuple(name for name in learners if name != "infinite"), [f"infinite: left out. {refusal}"]


def _fit(name: str, anchor: Anchor, task: Task, cell: Cell) -> Fit:
    """A linear learner; those at the trained weights are centred, so that they do not start from what was learnt."""
    centred = LEARNERS[name].anchor == "end"
    if name.startswith("ridge"):
        return fit_ridge(anchor, task, ridge=cell.spec.ridge, centred=centred)
    return fit_linearization(anchor, task, cell.descent(loss=task.loss), centred=centred, name=name)


def _movement(initial: Network, state: TrainingState) -> dict[str, float]:
    """How far the weights went, and as a share of their initial norm."""
    start = torch.stack([t.double().square().sum() for t in initial.parameters.values()]).sum().sqrt().item()
    return {"distance_travelled": state.distance, "relative_distance": state.distance / start if start else 0.0}


def _history(state: TrainingState) -> dict[str, Any]:
    """The mini-batch losses at no more than 100 evenly spaced steps, the first and the last among them."""
    losses = state.history.loss
    last = len(losses) - 1
    points = min(len(losses), HISTORY_POINTS)
    kept = sorted({round(i * last / max(points - 1, 1)) for i in range(points)})
    return {"step": kept, "loss": [losses[i] for i in kept]}


def _balance(task: Task) -> dict[str, list[float]]:
    """The share of each class among train and test rows, in the order of the classes."""
    shares = {}
    for part, y in (("train", task.y_train), ("test", task.y_test)):
        mean = y.double().mean(0)
        shares[part] = [1 - mean.item(), mean.item()] if task.outputs == 1 else mean.tolist()
    return shares
