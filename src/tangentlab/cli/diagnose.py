"""`tangentlab diagnose`: one page on a network and data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tangentlab.cli.compare import Json, command_line
from tangentlab.cli.kernel_options import (
    DataName,
    DataPath,
    Dtype,
    Initialization,
    Label,
    Memory,
    NetworkName,
    Seed,
)
from tangentlab.cli.screen import as_json
from tangentlab.cli.step_progress import step_progress
from tangentlab.cli.values import number_or_word


def diagnose(
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the page.")] = Path("diagnosis.html"),
    network: NetworkName = "mlp",
    data: DataName = "digits",
    data_path: DataPath = None,
    label: Label = None,
    task: Annotated[str | None, typer.Option(help="group:0-4, classes, ... Default: what suits the data")] = None,
    samples: Annotated[int | None, typer.Option(help="Training rows. Default: 1000, or what there is")] = None,
    test_samples: Annotated[int | None, typer.Option(help="Test rows. Default: up to 1000")] = None,
    epochs: Annotated[int, typer.Option(help="Of the descent.")] = 30,
    learning_rate: Annotated[float, typer.Option(help="Of the descent.")] = 0.05,
    momentum: Annotated[float, typer.Option(help="Of the descent.")] = 0.9,
    batch_size: Annotated[int, typer.Option(help="Of the descent.")] = 32,
    optimizer: Annotated[str, typer.Option(help="sgd or adam.")] = "sgd",
    schedule: Annotated[str, typer.Option(help="linear, cosine, one_cycle or constant.")] = "linear",
    ridge: Annotated[str, typer.Option(help="Of what is foretold: share of the mean diagonal, or gcv.")] = "0.001",
    seed: Seed = 0,
    initialization: Initialization = "lecun",
    dtype: Dtype = "float32",
    memory: Memory = None,
    json: Json = False,
) -> None:
    """Tell on one page what a network's kernel says of data before training, and whether training stays lazy.

    Spectrum, alignments, norm, cross-validation and expected learning curve at initialization; then the network and its
    linearization are trained by the same descent, and compared.
    """
    from tangentlab._atomic import make_folder
    from tangentlab.experiments import ComparisonSpec, Sources, resolved
    from tangentlab.experiments import diagnose as examine

    make_folder(out.parent)
    sources = Sources(data, data_path, label)
    spec = ComparisonSpec.of(
        networks=network,
        tasks=task,
        samples=samples,
        test_samples=test_samples,
        initialization=initialization,
        dtype=dtype,
        epochs=epochs,
        learning_rate=learning_rate,
        momentum=momentum,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=schedule,
    )
    spec = resolved(spec, sources.loaded)
    chosen = next(iter(spec.tasks or ()))
    rows = sources.task(chosen, spec, samples=max(spec.samples or ()), seed=seed)
    with step_progress("diagnosis", total=4) as advance:
        found = examine(
            network,
            rows.x_train,
            rows.y_train,
            x_test=rows.x_test,
            y_test=rows.y_test,
            task=chosen,
            samples=len(rows.x_train),
            descent=spec.descent.model_dump(),
            ridge=number_or_word(ridge) or 0.0,
            initialization=initialization,
            dtype=dtype,
            memory=memory,
            seed=seed,
            progress=lambda done, total: advance(),
        )
    found.report(out, command=command_line())
    if json:
        typer.echo(as_json(found.to_dict() | {"page": str(out)}))
        return
    typer.echo(f"{found}\n\nWritten: {out}")
