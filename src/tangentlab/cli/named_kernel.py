"""The kernel that a command names: of a network of the catalogue or one's own, on the rows of a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tangentlab.kernels import NeuralTangentKernel
    from tangentlab.tasks import Task


def named_kernel(
    network: str,
    *,
    data: str,
    data_path: str | None,
    label: str | None,
    task: str | None,
    samples: int,
    seed: int,
    outputs: str,
    mode: str | None,
    checkpoint: Path | None,
    initialization: str,
    dtype: str,
    memory: str | None,
    precision: str = "float32",
) -> tuple[NeuralTangentKernel, Task]:
    """The kernel of a named network, and the rows of a task to take it on."""
    import torch

    from tangentlab.experiments import ComparisonSpec, Sources, resolved
    from tangentlab.experiments.learning.goal import expect_outputs
    from tangentlab.kernels import NeuralTangentKernel
    from tangentlab.networks import build_network
    from tangentlab.networks.checkpoint import at_checkpoint

    sources = Sources(data, data_path, label)
    spec = ComparisonSpec.of(
        networks=network, tasks=task, samples=samples, initialization=initialization, dtype=dtype
    )
    spec = resolved(spec, sources.loaded)
    chosen = next(iter(spec.tasks or ()))
    rows = sources.task(chosen, spec, samples=samples, seed=seed)
    model = build_network(network, rows.shape, outputs=rows.outputs, seed=seed, initialization=initialization).to(
        dtype=getattr(torch, spec.dtype)
    )
    if checkpoint is not None:
        model = at_checkpoint(model, checkpoint)
    flavour: int | str = int(outputs) if outputs.lstrip("-").isdecimal() else outputs
    kernel = NeuralTangentKernel(model, outputs=flavour, mode=mode, memory=memory, precision=precision)
    if not isinstance(flavour, int):  # one output of several is asked for by its number
        expect_outputs(kernel.network(kernel.network.place(rows.x_train[:2])), rows.outputs)
    return kernel, rows
