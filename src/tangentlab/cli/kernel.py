"""`tangentlab ntk` and `tangentlab spectrum`: the tangent kernel of a network on data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tangentlab.cli.compare import Json, Scheduler
from tangentlab.cli.pair_progress import pair_progress
from tangentlab.cli.screen import as_json, sparkline, table
from tangentlab.cli.tiles import spectrum_of_tiles, told_rounding, write_tiles

if TYPE_CHECKING:
    from tangentlab.kernels import NeuralTangentKernel
    from tangentlab.tasks import Task

NetworkName = Annotated[
    str, typer.Option("--network", "-n", help="mlp, lenet:activation=gelu, pkg.mod:build, ...")
]
DataName = Annotated[str, typer.Option(help="A name (`list data`) or a file.")]
Label = Annotated[str | None, typer.Option(help="Label column, for data in a table.")]
DataPath = Annotated[str | None, typer.Option(help="Where named data lie, if not in the usual places.")]
TaskName = Annotated[str | None, typer.Option(help="Decides rows, targets and the number of outputs.")]
Samples = Annotated[int, typer.Option(help="Rows, stratified.")]
Seed = Annotated[int, typer.Option(help="Of the weights and of the rows.")]
Outputs = Annotated[str, typer.Option(help="full, trace, mean, diagonal, sum, or the number of one output.")]
Mode = Annotated[str | None, typer.Option(help="eval, for a network that train mode changes.")]
Checkpoint = Annotated[Path | None, typer.Option(help="Weights to take the kernel at: .safetensors, .pt.")]
Initialization = Annotated[str, typer.Option(help="lecun or torch.")]
Memory = Annotated[str | None, typer.Option(help="Bytes to use, such as 4GiB; default a share of what is free.")]
Tiles = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of kernel tiles, for kernels beyond memory; run again to resume."),
]
Plan = Annotated[bool, typer.Option("--plan", help="Only say what it will take: forms, FLOPs, bytes, seconds.")]
Dtype = Annotated[str, typer.Option(help="float32 or float64.")]
Precision = Annotated[
    str, typer.Option(help="Of products of gradients: float32, bf16, or tf32 on CUDA; what it moves is measured.")
]


def ntk(
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the kernel.")] = Path("kernel.npz"),
    network: NetworkName = "mlp",
    data: DataName = "digits",
    data_path: DataPath = None,
    label: Label = None,
    task: TaskName = None,
    samples: Samples = 300,
    seed: Seed = 0,
    outputs: Outputs = "full",
    mode: Mode = None,
    checkpoint: Checkpoint = None,
    initialization: Initialization = "lecun",
    dtype: Dtype = "float32",
    precision: Precision = "float32",
    memory: Memory = None,
    store: Tiles = None,
    scheduler: Scheduler = None,
    plan: Plan = False,
    json: Json = False,
) -> None:
    """Compute the empirical tangent kernel of a network on rows of data, and write it to an .npz file, or tile by
    tile to a store that a kill does not harm.
    """
    from tangentlab._atomic import make_folder, write_atomically
    from tangentlab._fingerprint import canonical_json
    from tangentlab.records.layout import pack_arrays

    if scheduler is not None and store is None:
        raise typer.BadParameter("workers need a folder that all of them share: --store", param_hint="--scheduler")
    kernel, rows = _kernel(
        network,
        data=data,
        data_path=data_path,
        label=label,
        task=task,
        samples=samples,
        seed=seed,
        outputs=outputs,
        mode=mode,
        checkpoint=checkpoint,
        initialization=initialization,
        dtype=dtype,
        memory=memory,
        precision=precision,
    )
    if plan:
        forecast = kernel.plan(rows.x_train, storage="dense" if store is None else "disk")
        typer.echo(as_json(forecast.to_dict()) if json else forecast.describe())
        return
    if store is not None:
        raise typer.Exit(write_tiles(kernel, rows, store, scheduler=scheduler, json=json))
    path = out if out.suffix == ".npz" else out.with_name(out.name + ".npz")
    make_folder(path.parent)
    with pair_progress() as progress:
        gram = kernel.gram(rows.x_train, progress=progress)
    import numpy as np

    about = {
        "kernel": gram.description,
        "fingerprint": gram.fingerprint,
        "outputs": gram.outputs,
        "shape": list(gram.values.shape),
        "trace": gram.trace,
        "difference from autograd": gram.difference,
        "rounding": gram.rounding,
        "task": rows.identity,
    }
    arrays = {
        "kernel": gram.values.cpu().numpy(),
        "x": rows.x_train.cpu().numpy(),
        "y": rows.y_train.cpu().numpy(),
        "about": np.array([canonical_json({**about, "difference from autograd": str(gram.difference)})]),
    }
    write_atomically(path, pack_arrays(arrays))
    if json:
        typer.echo(as_json(about | {"file": str(path)}))
        return
    typer.echo(f"{gram.description}\non {rows.name}, {samples} rows of shape {rows.shape}")
    typer.echo(
        f"shape {tuple(gram.values.shape)}, trace {gram.trace:.6g}, differs from autograd by {gram.difference:.1g}"
        f"{told_rounding(precision, gram.rounding)}"
    )
    typer.echo(f"Written: {path} (arrays kernel, x, y, about)")


def spectrum(
    network: NetworkName = "mlp",
    data: DataName = "digits",
    data_path: DataPath = None,
    label: Label = None,
    task: TaskName = None,
    samples: Samples = 300,
    seed: Seed = 0,
    outputs: Outputs = "mean",
    mode: Mode = None,
    checkpoint: Checkpoint = None,
    initialization: Initialization = "lecun",
    dtype: Dtype = "float32",
    memory: Memory = None,
    top: Annotated[int, typer.Option("--top", "-k", help="Eigenvalues to show; with --store, to compute.")] = 10,
    store: Tiles = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="With --store, an .npz file for the eigenpairs.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the spectrum of a network's tangent kernel on data, and how much of the task its first directions hold."""
    from tangentlab.experiments.learning.targets import codes
    from tangentlab.probes import alignment, complexity, spectrum, target_energy

    if store is not None:
        spectrum_of_tiles(store, top, out=out, json=json)
        return
    kernel, rows = _kernel(
        network,
        data=data,
        data_path=data_path,
        label=label,
        task=task,
        samples=samples,
        seed=seed,
        outputs=outputs,
        mode=mode,
        checkpoint=checkpoint,
        initialization=initialization,
        dtype=dtype,
        memory=memory,
    )
    with pair_progress() as progress:
        gram = kernel.gram(rows.x_train, progress=progress)
    y, K = codes(rows.y_train), gram.values
    found, aligned, norm, energy = spectrum(K), alignment(K, y), complexity(K, y), target_energy(K, y)
    if json:
        measured = {
            "kernel": gram.description,
            "task": rows.name,
            "eigenvalues": found.values.tolist(),
            "target_shares": energy.shares.tolist(),
            "trace": found.trace,
            "effective_rank": found.effective_rank,
            "participation_ratio": found.participation_ratio,
            "power_law_exponent": found.power_law_exponent,
            "alignment": vars(aligned),
            "complexity": vars(norm),
        }
        typer.echo(as_json(measured))
        return
    typer.echo(f"{gram.description}\non {rows.name}, {samples} rows of shape {rows.shape}\n")
    top = max(1, min(top, len(found.values)))
    lines = [
        {
            "index": str(j),
            "eigenvalue": f"{found.values[j]:.5g}",
            "% of trace": f"{100 * found.values[j] / found.trace:.2f}",
            "first ones %": f"{100 * found.top_shares[j]:.2f}",
            "% of targets": f"{100 * energy.shares[j]:.2f}",
        }
        for j in range(top)
    ]
    typer.echo(table(lines))
    positive = found.values[found.values > 0]
    import numpy as np

    steps = np.unique(np.geomspace(1, len(positive), 60).astype(int)) - 1
    typer.echo(f"\nlog eigenvalue over log index  {sparkline(np.log(positive[steps]))}")
    slope = (
        "" if found.power_law_exponent is None else f", eigenvalues fall as index^-{found.power_law_exponent:.2f}"
    )
    typer.echo(f"effective rank {found.effective_rank:.1f} of {len(found.values)}{slope}")
    typer.echo(
        f"alignment with the targets {aligned.trace_normalized:.4f} of the trace, centred {aligned.centered:.3f}"
    )
    reached = "" if norm.is_exact else f" at least: K does not reach {100 * norm.null_share:.3g} % of the targets"
    typer.echo(f"complexity of the targets yᵀK⁻¹y·tr K/n² = {norm.normalized:.4g}{reached}")


def _kernel(
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
