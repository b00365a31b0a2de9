"""A unit's network and task, on the unit's device."""

from __future__ import annotations

import torch

from tangentlab.experiments.inputs.sources import Model, Sources
from tangentlab.experiments.machine.compute_device import model_on, present_device, task_on
from tangentlab.experiments.study.study import DEVICE
from tangentlab.experiments.study.unit import StudyUnit
from tangentlab.tasks import Task


def device_of(unit: StudyUnit) -> torch.device:
    """Where a unit is computed: the CPU unless its settings name another.

    >>> device_of(StudyUnit("freeze", {"seed": 0}))
    device(type='cpu')
    """
    return present_device(unit.settings.get("device") or DEVICE)


def model_of(unit: StudyUnit, sources: Sources, *, shape: tuple[int, ...], outputs: int = 1) -> Model:
    """The unit's network at its initial weights, on the unit's device."""
    model = sources.model(unit["network"], unit, shape=shape, outputs=outputs, seed=unit["seed"])
    return model_on(device_of(unit), model)


def task_of(unit: StudyUnit, task: Task) -> Task:
    """A task with its rows and targets on the unit's device."""
    return task_on(device_of(unit), task)
