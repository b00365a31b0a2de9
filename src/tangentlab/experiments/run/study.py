"""study: an experiment of a paper on networks and data of the catalogue or of one's own, in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from tangentlab._errors import UnknownNameError
from tangentlab.data import Data
from tangentlab.experiments.execution.progress import counting
from tangentlab.experiments.inputs.given import as_data, expect_shared_folder, named
from tangentlab.experiments.inputs.sources import Sources
from tangentlab.experiments.run.study_results import StudyResults
from tangentlab.experiments.run.study_run import StudyRun
from tangentlab.experiments.studies import STUDIES
from tangentlab.networks import Network


def study(
    name: str,
    networks: Any = None,
    *,
    scale: str = "small",
    data: Any = None,
    out: str | Path | None = None,
    jobs: int = 1,
    scheduler: Any = None,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> StudyResults:
    """Run an experiment of the catalogue (`tangentlab list experiments`) and return its records and claims.

    Parameters
    ----------
    name: "eigenfunctions", "spectrum", ...
    networks: as in `compare`: names, modules, Networks or builders, a dictionary gives them names. Default the study's
    scale: "small" takes minutes on two cores, "medium" an hour, "full" is the protocol of the paper
    data: a name, a path, `Data`, a data set object, or a pair of arrays (x, y). Default the study's
    out: a folder to keep the records in; a call that was stopped goes on where it was. Default: keep nothing
    jobs, scheduler, progress: as in `compare`
    settings: any other setting of the study, such as `seeds=5`, `samples=1000`, `epochs=10`

    A unit that fails is in `.failed` and does not end the others.

    >>> found = study("spectrum", "mlp:width=8", data="digits", samples=60, seeds=2)
    >>> len(found.records), found.claims[0].claim.id
    (2, 'A1')
    """
    if name not in STUDIES:
        raise UnknownNameError("name", name, STUDIES)
    expect_shared_folder(out, scheduler=scheduler)
    chosen = STUDIES[name]
    names, own = named(networks, "networks", kinds=(nn.Module, Network))
    held = data if data is None or isinstance(data, (str, Path)) else as_data(data)
    called = held.name if isinstance(held, Data) else None if held is None else str(held)
    resolved = chosen.settings(scale, networks=names, data=called, **settings)
    source = held if isinstance(held, Data) else resolved["data"]
    sources = Sources(source, resolved["data_path"] or None, resolved["label"] or None, networks=own)

    def run_in(folder: str | Path) -> StudyResults:
        run = StudyRun.start(chosen, folder, scale=scale, settings=resolved, sources=sources)
        report = counting(progress, total=len(run.unfinished))
        run.execute(jobs=jobs, scheduler=scheduler, report=report)
        return StudyResults.of(run.store)

    if out is not None:
        return run_in(out)
    with tempfile.TemporaryDirectory(prefix="tangentlab-") as folder:
        found = run_in(Path(folder) / "run")
        return StudyResults(found.records, found.spec)
