"""`tangentlab list`: the catalogues."""

from __future__ import annotations

import inspect
from enum import StrEnum
from typing import Annotated, Any

import typer

from tangentlab.cli.compare import Json
from tangentlab.cli.screen import as_json, fitted_table


class Catalogue(StrEnum):
    """What can be listed."""

    NETWORKS = "networks"
    DATA = "data"
    TASKS = "tasks"
    LEARNERS = "learners"
    PROBES = "probes"
    EXPERIMENTS = "experiments"


def list_catalogue(
    catalogue: Annotated[Catalogue, typer.Argument(help="Which catalogue.")], json: Json = False
) -> None:
    """List what can be named: networks, data, tasks, learners, probes or experiments."""
    found = {
        Catalogue.NETWORKS: _networks,
        Catalogue.DATA: _data,
        Catalogue.TASKS: _tasks,
        Catalogue.LEARNERS: _learners,
        Catalogue.PROBES: _probes,
        Catalogue.EXPERIMENTS: _experiments,
    }[catalogue]()
    typer.echo(as_json(found) if json else fitted_table(found))


def _networks() -> list[dict[str, str]]:
    from tangentlab.networks import NETWORKS

    rows = [
        {"name": name, "options": _options(build), "description": _first_line(inspect.getmodule(build))}
        for name, build in NETWORKS.items()
    ]
    own = "a function or class of yours that makes a module"
    return [*rows, {"name": "package.module:callable", "options": "its own", "description": own}]


def _data() -> list[dict[str, str]]:
    from tangentlab.data import DATA, Filed, search_order

    rows = []
    for name, source in DATA.items():
        there = "yes"
        if isinstance(source, Filed) and all(source.missing(place) for place in search_order(source.folders)):
            there = f"no. {source.mend}"
        rows.append({"name": name, "description": source.description, "on this machine": there})
    kinds = ".npz, .npy, .csv or .tsv, or a folder of IDX or CIFAR-10 files"
    return [*rows, {"name": "a path", "description": kinds, "on this machine": ""}]


def _tasks() -> list[dict[str, str]]:
    from tangentlab.tasks import TASKS, USAGE

    return [{"name": name, "description": _first_line(TASKS[name]), "usage": USAGE[name]} for name in TASKS]


def _learners() -> list[dict[str, str]]:
    from tangentlab.experiments import LEARNERS

    return [{"name": learner.name, "description": learner.description} for learner in LEARNERS.values()]


def _probes() -> list[dict[str, str]]:
    from tangentlab import probes

    functions = {name: value for name, value in vars(probes).items() if inspect.isfunction(value)}
    return [{"name": name, "description": _first_line(functions[name])} for name in sorted(functions)]


def _experiments() -> list[dict[str, str]]:
    from tangentlab.experiments import EXPERIMENTS, STUDIES

    rows = [{"name": name, "claims": "", "description": _first_line(make)} for name, make in EXPERIMENTS.items()]
    return rows + [
        {"name": name, "claims": ", ".join(study.claims), "description": study.title}
        for name, study in STUDIES.items()
    ]


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(".")


def _options(build: Any) -> str:
    own = [
        f"{name}={parameter.default}"
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ("generator", "initialization")
    ]
    return ", ".join(own)
