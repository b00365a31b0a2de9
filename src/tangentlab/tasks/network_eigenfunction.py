"""Eigenfunction tasks by name: rows of data, and the kernel of a network at its initial weights."""

from __future__ import annotations

from dataclasses import replace

import torch

from tangentlab._errors import ArgumentError
from tangentlab.data import Data
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.networks.catalogue import NETWORKS, build_network
from tangentlab.tasks.eigenfunction import eigenfunction_task
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
    index, network, form, weights = _read(spec)
    rows = draw_rows(data, samples=samples, test_samples=test_samples, seed=seed, normalize=normalize)
    x = torch.cat([rows.x_train, rows.x_test])
    model = build_network(network, tuple(x.shape[1:]), outputs=1, seed=seed if weights is None else weights)
    task = eigenfunction_task(
        NeuralTangentKernel(model, outputs=0, mode="eval"),
        x,
        index,
        train=len(rows.x_train),
        inductive=form == "inductive",
    )
    name = _write(index, network, form, weights)
    return replace(task, name=name, identity={**task.identity, "task": name, **rows.source})


def _read(spec: str) -> tuple[int, str, str, int | None]:
    """Index, the network with its options, form and the seed of its weights."""
    first, *options = [part.strip() for part in spec.split(",")]
    if not first.isdecimal():
        raise _refused(f"eigenfunction:{spec}", "an index, counted from 0, before its options")
    network, form, weights, own = "mlp", FORMS[0], None, []
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise _refused(f"eigenfunction:{spec}", f"options as name=value, where {option!r} is none")
        if key == "network":
            network = value
        elif key == "form":
            if value not in FORMS:
                raise _refused(f"eigenfunction:{spec}", f"form={' or form='.join(FORMS)}")
            form = value
        elif key == "seed":
            if not value.isdecimal():
                raise _refused(f"eigenfunction:{spec}", "a whole number as its seed")
            weights = int(value)
        else:
            own.append(option)
    if own:
        head, _, more = network.partition(":")
        written = bool(more) if head in NETWORKS else ":" in more
        network += ("," if written else ":") + ",".join(own)
    return int(first), network, form, weights


def _write(index: int, network: str, form: str, weights: int | None) -> str:
    """The one spelling."""
    head, _, more = network.partition(":")
    if head not in NETWORKS:
        path, _, more = more.partition(":")
        head = f"{head}:{path}"
    extra = [f"form={form}"] if form != FORMS[0] else []
    extra += [f"seed={weights}"] if weights is not None else []
    return ",".join([f"eigenfunction:{index}", f"network={head}", *([more] if more else []), *extra])


def _refused(got: str, expected: str) -> ArgumentError:
    return ArgumentError(
        "task", expected=expected, got=repr(got), remedy="Write eigenfunction:30,network=mlp,width=64."
    )
