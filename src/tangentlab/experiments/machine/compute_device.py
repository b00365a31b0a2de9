"""Where a cell is computed: the processor, or a GPU of this machine."""

from __future__ import annotations

import re
from dataclasses import replace

import torch
from torch import nn

from tangentlab._errors import ArgumentError
from tangentlab.networks import Network
from tangentlab.tasks import Task

DEVICES = r"cpu|cuda(:\d+)?"
"""Those with float64, which everything done with a kernel takes."""


def is_device(name: str) -> bool:
    """Whether this names a device that cells can be computed on, here or elsewhere.

    >>> is_device("cuda:1"), is_device("mps")
    (True, False)
    """
    return re.fullmatch(DEVICES, name) is not None


def present_device(name: str) -> torch.device:
    """The device, refused where it is not one of `DEVICES` or this machine has none of the name.

    >>> present_device("cpu")
    device(type='cpu')
    >>> present_device("meta")
    Traceback (most recent call last):
    tangentlab._errors.ArgumentError: `device` must be 'cpu', 'cuda' or 'cuda:0', got 'meta'. ...
    """
    if not is_device(name):
        raise ArgumentError(
            "device", expected="'cpu', 'cuda' or 'cuda:0'", got=repr(name), remedy="Leave it out for the CPU."
        )
    device = torch.device(name)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        here = "no CUDA device" if not count else f"{count} CUDA device{'s' if count > 1 else ''}"
        raise ArgumentError(
            "device",
            expected="a device that is here",
            got=f"{name!r}, and torch finds {here} on this machine",
            remedy="Leave it out for the CPU, or install torch with CUDA on a machine that has a GPU.",
        )
    return device


def task_on(device: torch.device, task: Task) -> Task:
    """The same task with its rows and targets on a device.

    >>> from tangentlab.tasks import parity
    >>> task = parity(2, dimension=4, samples=8, test_samples=4)
    >>> task_on(torch.device("cpu"), task) is task
    True
    """
    if task.x_train.device == task.x_test.device == device:
        return task
    arrays = ("x_train", "y_train", "x_test", "y_test")
    return replace(task, **{name: getattr(task, name).to(device) for name in arrays})


def model_on(device: torch.device, model: nn.Module | Network) -> nn.Module | Network:
    """The same network on a device: a module of one's own is moved, a `Network` copied.

    >>> model = nn.Linear(2, 1)
    >>> model_on(torch.device("cpu"), model) is model
    True
    """
    if isinstance(model, Network):
        return model if model.device == device else model.on(device)
    return model.to(device)
