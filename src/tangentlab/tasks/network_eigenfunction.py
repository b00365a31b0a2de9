"""Eigenfunction tasks by name: rows of data, and the kernel of a network at its initial weights."""

from __future__ import annotations

from dataclasses import replace

import torch

from tangentlab.data import Data
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.tasks.eigenfunction import eigenfunction_task
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
    found = NetworkSpec.read("eigenfunction", spec, options=("form", "seed"))
    form = found.options.get("form", FORMS[0])
    if form not in FORMS:
        raise refused(found.name, f"with form={' or form='.join(FORMS)}", task="eigenfunction")
    if form == FORMS[0]:
        found = replace(found, options={k: v for k, v in found.options.items() if k != "form"})
    rows = draw_rows(data, samples=samples, test_samples=test_samples, seed=seed, normalize=normalize)
    x = torch.cat([rows.x_train, rows.x_test])
    kernel = NeuralTangentKernel(found.build(tuple(x.shape[1:]), seed=seed), outputs=0, mode="eval")
    task = eigenfunction_task(kernel, x, found.index, train=len(rows.x_train), inductive=form == "inductive")
    return replace(task, name=found.name, identity={**task.identity, "task": found.name, **rows.source})
