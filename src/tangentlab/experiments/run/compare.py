"""compare: networks beside their linearizations over a grid, in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from tangentlab.data import Data
from tangentlab.experiments.comparison.spec import ComparisonSpec
from tangentlab.experiments.execution.progress import counting
from tangentlab.experiments.inputs.given import as_data, expect_shared_folder, named
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.run.comparison_results import Results
from tangentlab.experiments.run.comparison_run import Run
from tangentlab.networks import Network
from tangentlab.tasks import Task


def compare(
    networks: Any = None,
    tasks: Any = None,
    *,
    data: Any = "digits",
    data_path: str | Path | None = None,
    label: str | None = None,
    samples: int | Iterable[int] | None = None,
    test_samples: int | None = None,
    seeds: int | Iterable[int] | None = None,
    learners: str | Iterable[str] = "all",
    descent: Mapping[str, Any] | None = None,
    ridge: float | str | None = None,
    initialization: str | None = None,
    dtype: str | None = None,
    kernel: str | None = None,
    end_statistics: str | None = None,
    device: str | None = None,
    threads: int | None = None,
    memory: str | None = None,
    out: str | Path | None = None,
    jobs: int = 1,
    scheduler: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Results:
    """Put networks beside their linearizations on tasks, sample sizes and seeds, and return what was found.

    In every cell of the grid all learners see the same rows, and those that descend the same batches and schedule.

    Parameters
    ----------
    networks: names ("mlp", "lenet:activation=gelu", "package.module:build"), modules, Networks or builders; a
        dictionary gives them names. A module is copied for each cell; a builder is called with those of
        `input_shape`, `outputs`, `seed`, `generator` that it takes. Default "mlp" and "lenet"
    tasks: names ("group:0-4", "classes", "random:2", "parity:3") or Tasks; default those that suit the data
    data: a name, a path, `Data`, a data set object of torch or Hugging Face, or a pair of arrays (x, y)
    data_path, label: where named data lie; the label column of a table
    samples, test_samples: training sizes and test rows; default up to 1000 of either
    seeds: how many, or which; each draws rows, initial weights and batches of its own. Default 5: with fewer,
        intervals over seeds are too wide to tell much
    learners: of "network", "linear-init", "linear-end", "ridge-init", "ridge-end"; default "all", these five. A sixth,
        "infinite" (with the others: ["all", "infinite"]), is for networks of the catalogue with a kernel in closed form
    descent: fields of a `Descent` without loss and seed, such as {"epochs": 30, "learning_rate": 0.05}
    ridge: a share of the kernel's mean diagonal, default 1e-3, or "leave-one-out" to choose it in each cell
    initialization, dtype, kernel, end_statistics, device, threads, memory: see `ComparisonSpec`
    out: a folder to keep the records in; a call that was stopped goes on where it was. Default: keep nothing
    jobs: worker processes; above 1 in a script, call it under `if __name__ == "__main__":`
    scheduler: run on the workers of a Dask cluster: its address, scheduler file, `Client` or cluster object; `out` is
        then a folder on a file system that all workers share
    progress: called with (cells finished, cells to run)

    A cell that fails is in `.failed` and does not end the others.

    >>> results = compare("mlp:width=4", "random:2", samples=20, test_samples=20, seeds=1, descent={"epochs": 2})
    >>> [row["learner"] for row in results.rows()]
    ['network', 'linear-init', 'linear-end', 'ridge-init', 'ridge-end']
    """
    named_networks, own_networks = named(networks, "networks", kinds=(nn.Module, Network))
    named_tasks, own_tasks = named(tasks, "tasks", kinds=(Task,))
    held = data if isinstance(data, (str, Path)) else as_data(data)
    sources = Sources(
        str(held) if isinstance(held, Path) else held,
        None if data_path is None else str(data_path),
        label,
        networks=own_networks,
        tasks=own_tasks,
    )
    spec = ComparisonSpec.of(
        networks=named_networks,
        tasks=named_tasks,
        data=held.name if isinstance(held, Data) else str(held),
        data_path=sources.data_path,
        label=label,
        samples=samples,
        test_samples=test_samples,
        seeds=seeds,
        learners=learners,
        descent=descent or {},
        ridge=ridge,
        initialization=initialization,
        dtype=dtype,
        kernel=kernel,
        end_statistics=end_statistics,
        device=device,
        threads=threads,
        memory=memory,
    )
    expect_shared_folder(out, scheduler=scheduler)
    if out is not None:
        run = Run.start(spec, out, sources=sources)
        return _completed(run, jobs=jobs, scheduler=scheduler, progress=progress, keep=True)
    with tempfile.TemporaryDirectory(prefix="tangentlab-") as folder:
        run = Run.start(spec, Path(folder) / "run", sources=sources)
        return _completed(run, jobs=jobs, scheduler=scheduler, progress=progress, keep=False)


def _completed(
    run: Run, *, jobs: int, scheduler: Any, progress: Callable[[int, int], None] | None, keep: bool
) -> Results:
    run.execute(jobs=jobs, scheduler=scheduler, report=counting(progress, total=len(run.unfinished)))
    found = Results.of(run.store)
    return found if keep else Results(found.records, found.spec)
