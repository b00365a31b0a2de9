"""Where the things that a cell names come from: data, networks and tasks, by name or from the caller's hands."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from tangentlab._errors import DataError
from tangentlab._fingerprint import fingerprint
from tangentlab._seeds import generator
from tangentlab.data import Data, load, stratified_order
from tangentlab.networks import NETWORKS, Network, build_network, call_builder
from tangentlab.tasks import Task, make_task, make_tasks

Model = nn.Module | Network


class Choices(Protocol):
    """What a spec chooses for every network and task: a comparison's, or that of a unit of a study."""

    @property
    def initialization(self) -> str:
        """Of networks of the catalogue."""
        ...

    @property
    def dtype(self) -> str:
        """Precision of networks."""
        ...

    @property
    def test_samples(self) -> int | None:
        """Rows held out."""
        ...


class NamedData(Protocol):
    """What names data: the spec of a comparison, for one."""

    @property
    def data(self) -> str:
        """A name of the catalogue or a path."""
        ...

    @property
    def data_path(self) -> str | None:
        """Where the data lie, if not where they are searched for."""
        ...

    @property
    def label(self) -> str | None:
        """The label column, for data in a table."""
        ...


@dataclass(frozen=True)
class Sources:
    """The data by name or as they are, and the networks and tasks that were handed over instead of named.

    `networks` holds modules, Networks and builders, `tasks` holds Tasks, both under the names that cells use.
    Everything is looked up here, in the process that runs the cell.

    >>> from tangentlab.experiments import ComparisonSpec
    >>> sources = Sources(data="digits")
    >>> sources.loaded.n, sources.task("random:2", ComparisonSpec(test_samples=10), samples=20, seed=0).outputs
    (1797, 1)
    """

    data: str | Data
    data_path: str | None = None
    label: str | None = None
    networks: Mapping[str, Model | Callable[..., nn.Module]] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)

    @classmethod
    def named(cls, spec: NamedData) -> Sources:
        """What a spec names, and nothing beside it."""
        return cls(spec.data, spec.data_path, spec.label)

    @cached_property
    def loaded(self) -> Data:
        """The data, read once in each process."""
        return load(self.data, path=self.data_path, label=self.label)

    def task(self, name: str, spec: Choices, *, samples: int, seed: int) -> Task:
        """The task of a cell."""
        if name in self.tasks:
            return _part(self.tasks[name], samples=samples, test_samples=spec.test_samples, seed=seed)
        return make_task(name, self.loaded, samples=samples, test_samples=spec.test_samples, seed=seed)

    def tasks_of(self, names: Sequence[str], spec: Choices, *, samples: int, seed: int) -> list[Task]:
        """The tasks of a unit, one for each name; what they have in common is computed once."""
        sizes = {"samples": samples, "test_samples": spec.test_samples, "seed": seed}
        named = [name for name in names if name not in self.tasks]
        made = iter(make_tasks(named, self.loaded, **sizes) if named else ())
        return [_part(self.tasks[name], **sizes) if name in self.tasks else next(made) for name in names]

    def model(self, name: str, spec: Choices, *, shape: tuple[int, ...], outputs: int, seed: int) -> Model:
        """A network of one's own at its initial weights, in the precision of the spec."""
        dtype = getattr(torch, spec.dtype)
        given = self.networks.get(name)
        if isinstance(given, Network):
            return given.to(dtype=dtype)
        if isinstance(given, nn.Module):
            return copy.deepcopy(given).to(dtype=dtype)
        options = {"outputs": outputs, "seed": seed, "initialization": spec.initialization}
        if given is not None:
            return call_builder(given, shape, name=name, **options).to(dtype=dtype)
        return build_network(name, shape, **options).to(dtype=dtype)

    def network_identity(self, name: str) -> str | None:
        """What the name of a network does not tell: its weights, or its source; None for the catalogue's."""
        given = self.networks.get(name)
        if isinstance(given, (nn.Module, Network)):
            return Network(given, mode="eval").fingerprint
        if given is not None:
            return _builder_digest(given)
        return None if name.partition(":")[0] in NETWORKS else _source_digest(name.partition(":")[0])

    def task_identity(self, name: str) -> dict[str, Any]:
        """What the name of a task does not tell: the content of the data, or its own."""
        if name not in self.tasks:
            return self.loaded.identity
        task = self.tasks[name]
        arrays = [task.x_train, task.y_train, task.x_test, task.y_test]
        return {"task": task.identity, "sha256": fingerprint(arrays, length=64)}


def _part(task: Task, *, samples: int, test_samples: int | None, seed: int) -> Task:
    """A task of `samples` stratified rows of a given one; fewer rows are the first of more rows."""
    rows, held = len(task.x_train), len(task.x_test)
    if samples > rows:
        raise DataError(
            f"The task {task.name} has {rows} train rows; {samples} were asked for.",
            remedy=f"Ask for {rows} at the most.",
        )
    labels = task.y_train[:, 0].long() if task.outputs == 1 else task.y_train.argmax(1)
    order = stratified_order(labels, generator=generator(seed, "task rows"))[:samples]
    last = held if test_samples is None else min(held, test_samples)
    return Task(
        name=task.name,
        x_train=task.x_train[order],
        y_train=task.y_train[order],
        x_test=task.x_test[:last],
        y_test=task.y_test[:last],
        loss=task.loss,
        classes=task.classes,
        identity=task.identity,
    )


def _builder_digest(builder: Callable[..., Any]) -> str:
    """SHA-256 of a builder's own source, or its name where it has none."""
    try:
        return hashlib.sha256(inspect.getsource(builder).encode()).hexdigest()
    except (OSError, TypeError):
        return (
            f"{getattr(builder, '__module__', '')}.{getattr(builder, '__qualname__', type(builder).__qualname__)}"
        )


def _source_digest(module: str) -> str | None:
    """SHA-256 of the file a module is imported from, so that an edited network is another network."""
    try:
        found = importlib.util.find_spec(module) if module else None
        origin = Path(found.origin) if found and found.origin else None
        return hashlib.sha256(origin.read_bytes()).hexdigest() if origin and origin.is_file() else None
    except (ImportError, ValueError, OSError):
        return None
