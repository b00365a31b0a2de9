"""`tangentlab tasks`: tasks that a kernel defines, as label files with difficulty scores for any learner."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tangentlab.cli.compare import Json
from tangentlab.cli.kernel_options import DataName, DataPath, Dtype, Initialization, Label, Mode, NetworkName, Seed
from tangentlab.cli.screen import as_json, table
from tangentlab.cli.values import split_integers

if TYPE_CHECKING:
    from tangentlab.experiments import ScoredTask

_ANISOTROPY = "Along anisotropy directions"


class Kind(StrEnum):
    """What tasks are made of."""

    EIGENFUNCTION = "eigenfunction"
    ANISOTROPY = "anisotropy"


def tasks(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="eigenfunction, of a network's kernel on rows of the data; or anisotropy, sets along the directions a "
            "network prefers, in the shape of the data."
        ),
    ],
    index: Annotated[
        list[str], typer.Option("--index", "-k", help="Which, from the easiest, counted from 0: 1,3,10.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    network: NetworkName = "mlp:activation=gelu",
    data: DataName = "digits",
    data_path: DataPath = None,
    label: Label = None,
    samples: Annotated[int, typer.Option(help="Train rows.")] = 1000,
    test_samples: Annotated[int, typer.Option(help="Test rows.")] = 500,
    seed: Seed = 0,
    mode: Mode = None,
    initialization: Initialization = "lecun",
    dtype: Dtype = "float32",
    inductive: Annotated[
        bool, typer.Option("--inductive", help="Eigenfunctions of the train rows, extended to the test rows.")
    ] = False,
    labels_only: Annotated[
        bool,
        typer.Option("--labels-only", help="Leave out rows that the tasks share; the index says which they are."),
    ] = False,
    epsilon: Annotated[float, typer.Option(help="Margin between the classes.", rich_help_panel=_ANISOTROPY)] = 1.0,
    sigma: Annotated[float, typer.Option(help="Noise across.", rich_help_panel=_ANISOTROPY)] = 1.0,
    json: Json = False,
) -> None:
    """Write tasks that a kernel defines, each with what the kernel says of its difficulty, for any learner to read."""
    import torch

    from tangentlab.cli.pair_progress import pair_progress
    from tangentlab.data import load
    from tangentlab.experiments import ComparisonSpec, anisotropy_bank, eigenfunction_bank, export_tasks
    from tangentlab.kernels import NeuralTangentKernel
    from tangentlab.networks import build_network
    from tangentlab.tasks.rows import draw_rows

    spec = ComparisonSpec.of(networks=network, initialization=initialization, dtype=dtype)
    loaded = load(data, path=data_path, label=label)
    model = build_network(network, loaded.shape, outputs=1, seed=seed, initialization=initialization).to(
        dtype=getattr(torch, spec.dtype)
    )
    wanted = split_integers("--index", index) or []
    about = {"kind": kind.value, "network": network, "initialization": initialization, "dtype": dtype}
    if kind is Kind.ANISOTROPY:
        if inductive:
            raise typer.BadParameter("only eigenfunctions are extended", param_hint="--inductive")
        about |= {"shape": list(loaded.shape)}
        bank = anisotropy_bank(
            model,
            loaded.shape,
            wanted,
            epsilon=epsilon,
            sigma=sigma,
            mode=mode,
            samples=samples,
            test_samples=test_samples,
            seed=seed,
        )
    else:
        rows = draw_rows(loaded, samples=samples, test_samples=test_samples, seed=seed, normalize=True)
        about |= {"rows": rows.source}
        x = torch.cat([rows.x_train, rows.x_test])
        with pair_progress() as progress:
            bank = eigenfunction_bank(
                NeuralTangentKernel(model, outputs=0, mode=mode),
                x,
                wanted,
                train=len(rows.x_train),
                inductive=inductive,
                progress=progress,
            )
    bank = [replace(one, task=replace(one.task, identity=one.task.identity | {"made of": about})) for one in bank]
    folder = export_tasks(bank, out, inputs=not labels_only, about=about)
    if kind is Kind.ANISOTROPY:
        _draw(folder, bank, network)
    if json:
        typer.echo(as_json({"folder": str(folder), "tasks": [{"name": b.task.name} | b.scores for b in bank]}))
        return
    names = {
        "eigenvalue": "eigenvalue",
        "balance_train": "share of +",
        "alignment": "alignment",
        "norm_difficulty": "norm difficulty",
    }
    lines = [
        {"task": b.task.name, **{words: f"{b.scores[name]:.4g}" for name, words in names.items()}} for b in bank
    ]
    typer.echo(table(lines))
    typer.echo(f"\nWritten: {folder} (tasks.csv lists the files; labels_train and labels_test are in each)")


def _draw(folder: Path, bank: list[ScoredTask], network: str) -> None:
    """The directions as a picture beside the files."""
    import numpy as np

    from tangentlab.report.direction_images import save_directions

    save_directions(
        folder / "directions.svg",
        np.stack([one.arrays["direction"].cpu().numpy() for one in bank]),
        values=[one.scores["eigenvalue"] for one in bank],
        names=[str(one.scores["index"]) for one in bank],
        title=f"Anisotropy directions of {network}",
    )
