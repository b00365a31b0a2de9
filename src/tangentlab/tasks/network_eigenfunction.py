"""Eigenfunction tasks by name: rows of data, and the kernel of a network at its initial weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from tangentlab.data import Data
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.tasks.eigenfunction_task import eigenfunction_tasks
from tangentlab.tasks.network_spec import NetworkSpec, refused
from tangentlab.tasks.rows import draw_rows
from tangentlab.tasks.task import Task

FORMS = ("transductive", "inductive")


def network_eigenfunction(
    data: Data,
    spec: str,
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    normalize: bool = True,
) -> Task:
    """Eigenfunction of the tangent kernel of a network with one output on the rows that are drawn from data.

    `spec` is the index, then options: "30,network=lenet,activation=gelu". `network` names one of the catalogue ("mlp"
    by default) or a builder of one's own, and other options are its own; `form=inductive` extends by Nyström; `seed=0`
    draws the weights, by default the seed that draws the rows, so that in a comparison the kernel is that of the very
    network that learns the task. Other rows make other eigenfunctions: a smaller `samples` is another task.

    >>> from tangentlab.data import load
    >>> task = network_eigenfunction(load("digits"), "3,network=mlp,width=8", samples=60, test_samples=40)
    >>> task.name, task.x_train.shape, task.outputs
    ('eigenfunction:3,network=mlp,width=8', torch.Size([60, 1, 8, 8]), 1)
    """
    sizes = {"samples": samples, "test_samples": test_samples, "seed": seed, "normalize": normalize}
    return network_eigenfunctions(data, [spec], **sizes)[0]


def network_eigenfunctions(
    data: Data,
    specs: Sequence[str],
    *,
    samples: int | None = None,
    test_samples: int | None = None,
    seed: int = 0,
    normalize: bool = True,
) -> list[Task]:
    """The task of each of some specs, as `network_eigenfunction` has it; those of one kernel share its decomposition.

    >>> from tangentlab.data import load
    >>> both = network_eigenfunctions(load("digits"), ["5,width=8", "3,width=8"], samples=60, test_samples=40)
    >>> [task.name for task in both]
    ['eigenfunction:5,network=mlp,width=8', 'eigenfunction:3,network=mlp,width=8']
    """
    read = [_read(spec) for spec in specs]
    rows = draw_rows(data, samples=samples, test_samples=test_samples, seed=seed, normalize=normalize)
    x, alike = torch.cat([rows.x_train, rows.x_test]), dict[tuple[str, ...], list[NetworkSpec]]()
    for one in read:
        alike.setdefault(_kernel_of(one), []).append(one)
    tasks: dict[str, Task] = {}
    for first, *others in alike.values():
        kernel = NeuralTangentKernel(first.build(tuple(x.shape[1:]), seed=seed), outputs=0, mode="eval")
        indices = [one.index for one in (first, *others)]
        inductive = first.options.get("form") == FORMS[1]
        made = eigenfunction_tasks(kernel, x, indices, train=len(rows.x_train), inductive=inductive)
        tasks |= {one.name: task for one, task in zip((first, *others), made)}
    return [
        replace(
            tasks[one.name], name=one.name, identity={**tasks[one.name].identity, "task": one.name, **rows.source}
        )
        for one in read
    ]


def _read(spec: str) -> NetworkSpec:
    found = NetworkSpec.read("eigenfunction", spec, options=("form", "seed"))
    form = found.options.get("form", FORMS[0])
    if form not in FORMS:
        raise refused(found.name, f"with form={' or form='.join(FORMS)}", task="eigenfunction")
    if form == FORMS[0]:
        found = replace(found, options={k: v for k, v in found.options.items() if k != "form"})
    return found


def _kernel_of(spec: NetworkSpec) -> tuple[str, ...]:
    """What two tasks of one decomposition have in common."""
    return (spec.network, *(f"{name}={value}" for name, value in spec.options.items()))
