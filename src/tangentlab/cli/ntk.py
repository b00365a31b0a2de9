"""`tangentlab ntk`: the tangent kernel of a network on data, written to a file or to a store of tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tangentlab.cli.compare import Json, Scheduler
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
    Plan,
    Precision,
    Samples,
    Seed,
    TaskName,
    Tiles,
)
from tangentlab.cli.named_kernel import named_kernel
from tangentlab.cli.pair_progress import pair_progress
from tangentlab.cli.screen import as_json
from tangentlab.cli.tiles import told_rounding, write_tiles


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
