"""`tangentlab predict`: what linearizations will learn, stated and ranked before any training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tangentlab.cli.compare import Json, command_line
from tangentlab.cli.kernel_options import DataName, DataPath, Dtype, Initialization, Label, Memory
from tangentlab.cli.screen import as_json, table
from tangentlab.cli.step_progress import step_progress
from tangentlab.cli.values import number_or_word, split_integers, split_tasks
from tangentlab.cli.values import seeds as read_seeds

Several = list[str] | None


def predict(
    network: Annotated[
        Several,
        typer.Option("--network", "-n", help="mlp, lenet:activation=gelu, pkg.mod:build, ... Repeat to rank."),
    ] = None,
    data: DataName = "digits",
    data_path: DataPath = None,
    label: Label = None,
    task: Annotated[
        Several,
        typer.Option(help="group:0-4, classes, random:2, ... Repeat to rank. Default: what suits the data"),
    ] = None,
    samples: Annotated[
        Several, typer.Option(help="Training sizes to speak of; one stands for it and its halves. Default: 1000")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Initializations: how many, or which. Default: 3")] = None,
    ridge: Annotated[str, typer.Option(help="Share of the kernel's mean diagonal, or gcv.")] = "0.001",
    splits: Annotated[int, typer.Option(help="Random subsets for each size.")] = 20,
    momentum: Annotated[float, typer.Option(help="Of the descent that rate and steps are told for.")] = 0.9,
    initialization: Initialization = "lecun",
    dtype: Dtype = "float32",
    memory: Memory = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File for a page (.html) of what was found.")
    ] = None,
    json: Json = False,
) -> None:
    """State before any training how linearized networks will learn tasks, and rank tasks and networks by difficulty.

    Reads the tangent kernel at initialization on up to 1000 rows: expected learning curve with its band, the ridge by
    cross-validation, the stable learning rate, and how well such statements have held for trained networks.
    """
    from tangentlab._atomic import make_folder
    from tangentlab.data import load
    from tangentlab.experiments import ComparisonSpec, Sources, rank_predictions, resolved
    from tangentlab.experiments import predict as foretell
    from tangentlab.experiments.prediction.prediction import write_prediction_page
    from tangentlab.networks import split_network_names
    from tangentlab.tasks import TASKS

    if out is not None:
        make_folder(out.parent)
    sizes = split_integers("--samples", samples)
    networks = [name for option in network or ["mlp"] for name in split_network_names(option)]
    loaded = load(data, path=data_path, label=label)
    spec = ComparisonSpec.of(
        networks=networks,
        data=data,
        data_path=data_path,
        label=label,
        tasks=split_tasks(task, TASKS),
        samples=sizes,
        seeds=3 if seeds is None else read_seeds(seeds),
        initialization=initialization,
        dtype=dtype,
    )
    spec = resolved(spec, loaded)
    sources = Sources(loaded)
    rows = max(spec.samples or ())
    found: list[Any] = []
    tasks = spec.tasks or ()
    with step_progress("predictions", total=len(tasks) * len(networks)) as advance:
        for name in tasks:
            asked = sources.task(name, spec, samples=rows, seed=0)
            for own in networks:
                found.append(
                    foretell(
                        own,
                        asked.x_train,
                        asked.y_train,
                        task=name,
                        samples=sizes if sizes is not None and len(sizes) > 1 else rows,
                        seeds=spec.seeds,
                        ridge=number_or_word(ridge) or 0.0,
                        momentum=momentum,
                        splits=splits,
                        initialization=initialization,
                        dtype=dtype,
                        memory=memory,
                    )
                )
                advance()
    ranking = rank_predictions(found)
    if out is not None:
        write_prediction_page(found, out, ranking=ranking.to_dict(), command=command_line())
    if json:
        typer.echo(as_json({"predictions": [each.to_dict() for each in found], "ranking": ranking.to_dict()}))
        return
    if len(found) > 1:
        typer.echo(f"{ranking}\n\n{table(ranking.table())}")
    else:
        typer.echo(f"{found[0]}\n\n{table(found[0].table())}")
    if out is not None:
        typer.echo(f"\nWritten: {out}")
