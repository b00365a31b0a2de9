"""`tangentlab doctor`: every safety check of a network."""

from __future__ import annotations

from typing import Annotated

import typer

from tangentlab.cli.compare import Json
from tangentlab.cli.exit_codes import ERROR
from tangentlab.cli.kernel_options import NetworkName
from tangentlab.cli.screen import as_json
from tangentlab.cli.values import shape


def doctor(
    network: NetworkName = "mlp",
    input_shape: Annotated[str, typer.Option(help="Shape of one row, such as 3,32,32.")] = "1,8,8",
    outputs: Annotated[int, typer.Option(help="Outputs of the network.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the weights and of the rows.")] = 0,
    json: Json = False,
) -> None:
    """Try on a network all that a comparison asks of it: what passed, what is repaired, what is refused and why."""
    from tangentlab.experiments import examine
    from tangentlab.networks import build_network

    rows = shape(input_shape)
    checks = examine(lambda: build_network(network, rows, outputs=outputs, seed=seed), rows, seed=seed)
    if json:
        typer.echo(as_json([vars(check) for check in checks]))
    else:
        marks = {"passed": "✓", "repaired": "~", "refused": "✗"}
        for check in checks:
            typer.echo(f"{marks[check.status]} {check.status:9}{check.name}: {check.found}")
            if check.remedy:
                typer.echo(f"  {'':9}do: {check.remedy}")
    if any(check.status == "refused" for check in checks):
        raise typer.Exit(ERROR)
