"""Stores of kernel tiles at the command line: filled by `ntk --store`, read by `spectrum --store` and `check`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tangentlab.cli.exit_codes import DAMAGED, INTERRUPTED, OK
from tangentlab.cli.pair_progress import pair_progress
from tangentlab.cli.screen import as_json, table

if TYPE_CHECKING:
    from tangentlab.kernels import NeuralTangentKernel
    from tangentlab.tasks import Task

STEPS = "eigenpairs"
"""Folder in a store where a search for eigenpairs keeps its steps until it ends, so that a kill does no harm."""

SHOWN = 20
"""Eigenvalues printed; the file and --json have all."""


def is_tiles(store: Path) -> bool:
    """Whether a folder is a store of tiles and not a run, without importing what reads it."""
    return (store / "zarr.json").is_file() and not (store / "spec.json").exists()


def write_tiles(
    kernel: NeuralTangentKernel, rows: Task, store: Path, *, scheduler: str | None = None, json: bool
) -> int:
    """Fill a store with what it lacks of a kernel, and say what it holds; the exit code."""
    try:
        with pair_progress() as progress:
            gram = kernel.tiles(rows.x_train, store=store, scheduler=scheduler, progress=progress)
    except KeyboardInterrupt:
        return stopped(store)
    size, outputs = gram.matrix.size, gram.outputs
    if json:
        about = {
            "kernel": gram.description,
            "fingerprint": gram.fingerprint,
            "outputs": outputs,
            "shape": [size, size],
            "trace": gram.trace,
            "difference from autograd": str(gram.difference),
            "rounding": gram.rounding,
            "task": rows.identity,
            "store": str(store),
        }
        typer.echo(as_json(about))
        return OK
    typer.echo(f"{gram.description}\non {rows.name}, {len(rows.x_train)} rows of shape {rows.shape}")
    typer.echo(
        f"shape {(size, size)}, trace {gram.trace:.6g}, differs from autograd by {gram.difference:.1g}"
        f"{told_rounding(kernel.precision, gram.rounding)}"
    )
    typer.echo(f"Complete: {store} (a Zarr array; next: tangentlab spectrum --store {store})")
    return OK


def told_rounding(precision: str, moved: float) -> str:
    """What a reduced precision cost, as the end of a line.

    >>> told_rounding("bf16", 0.0012), told_rounding("float32", 0.0)
    (', bf16 moved it by 0.0012', '')
    """
    return "" if precision == "float32" else f", {precision} moved it by {moved:.2g}"


def stopped(store: Path) -> int:
    """What is said after Ctrl-C; the exit code."""
    kept = " Finished tiles are kept." if is_tiles(store) else ""
    typer.echo(f"stopped by Ctrl-C.{kept} Continue with the same command.", err=True)
    return INTERRUPTED


def spectrum_of_tiles(store: Path, top: int, *, out: Path | None, json: bool) -> None:
    """The first eigenpairs of a finished store."""
    from tangentlab._atomic import make_folder, write_atomically
    from tangentlab.kernels import TileStore
    from tangentlab.linalg import eigenpairs
    from tangentlab.records.layout import pack_arrays

    opened = TileStore.open(store)
    if out is not None:
        out = out if out.suffix == ".npz" else out.with_name(out.name + ".npz")
        make_folder(out.parent)
    matrix = opened.tiles()
    trace = opened.trace()
    steps = store / STEPS
    try:
        pairs = eigenpairs(matrix, min(max(1, top), matrix.size), checkpoint=steps)
    except KeyboardInterrupt:
        typer.echo(
            "stopped by Ctrl-C. The steps of the search are kept. Continue with the same command.", err=True
        )
        raise typer.Exit(INTERRUPTED) from None
    shutil.rmtree(steps, ignore_errors=True)
    values, worst = pairs.values.tolist(), float(pairs.residuals.max())
    if out is not None:
        arrays = {"values": pairs.values, "vectors": pairs.vectors, "residuals": pairs.residuals}
        write_atomically(out, pack_arrays({name: array.cpu().numpy() for name, array in arrays.items()}))
    if json:
        measured = {"kernel": opened.about["description"], "eigenvalues": values, "trace": trace}
        typer.echo(as_json(measured | {"largest residual": worst, "file": None if out is None else str(out)}))
        return
    typer.echo(f"{opened.about['description']}\n{matrix.size} rows, trace {trace:.6g}\n")
    lines, passed = [], 0.0
    for j, value in enumerate(values[:SHOWN]):
        passed += value
        share = f"{100 * value / trace:.2f}", f"{100 * passed / trace:.2f}"
        lines.append(
            {"index": str(j), "eigenvalue": f"{value:.5g}", "% of trace": share[0], "first ones %": share[1]}
        )
    typer.echo(table(lines))
    more = "" if len(values) <= SHOWN else f"{len(values)} in all hold {100 * sum(values) / trace:.2f} %, "
    typer.echo(f"\n{more}largest residual {worst:.1g} of the first eigenvalue")
    if out is not None:
        typer.echo(f"Written: {out} (arrays values, vectors, residuals)")


def check_tiles(store: Path, *, repair: bool, json: bool) -> None:
    """Read every tile and compare it with its checksum; exit code 4 if any is damaged."""
    from tangentlab.kernels import TileStore

    opened = TileStore.open(store)
    states = {pair: opened.state(pair) for pair in opened.pairs()}
    damaged = [pair for pair, state in states.items() if state == "damaged"]
    missing = [pair for pair, state in states.items() if state == "missing"]
    left = opened.left_over()
    if repair:
        for pair in damaged:
            opened.remove(pair)
        for path in left:
            path.unlink(missing_ok=True)
    if json:
        found = {"tiles": len(states), "damaged": damaged, "missing": len(missing), "left over": len(left)}
        typer.echo(as_json(found | {"repaired": repair}))
    else:
        for pair in damaged:
            typer.echo(f"{'removed ' if repair else ''}{opened.file(pair)}: does not match its checksum")
        whole = len(states) - len(damaged) - len(missing)
        typer.echo(
            f"{store}: {whole} of {len(states)} tiles whole, {len(missing)} missing, {len(damaged)} damaged"
        )
        if left:
            typer.echo(f"{len(left)} files {'removed' if repair else 'left'} that a kill had left (harmless)")
        if damaged or missing:
            typer.echo("Mend it: run again the command that fills it")
    if damaged and not repair:
        raise typer.Exit(DAMAGED)
