"""Options of the commands that take a network and data, each with its help: one wording for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
