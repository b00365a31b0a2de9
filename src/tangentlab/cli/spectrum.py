"""`tangentlab spectrum`: eigenvalues of a tangent kernel on data, and how the task lies in its first directions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tangentlab.cli.compare import Json
from tangentlab.cli.kernel_options import (
    Checkpoint,
    DataName,
    DataPath,
    Dtype,
    Initialization,
    Label,
    Memory,
    Mode,
    NetworkName,
    Outputs,
    Samples,
    Seed,
    TaskName,
    Tiles,
)
from tangentlab.cli.named_kernel import named_kernel
from tangentlab.cli.pair_progress import pair_progress
from tangentlab.cli.screen import as_json, sparkline, table
from tangentlab.cli.tiles import spectrum_of_tiles


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
    kernel, rows = named_kernel(
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
