"""Tasks as files that any learner can read: arrays without pickle, a table of scores, and an index that is checked.

::

    FOLDER/tasks.json       what each task is, its scores, and the checksum of every file; written last
    FOLDER/tasks.csv        one row a task: its file, its inputs, name, classes and scores
    FOLDER/inputs.npz       x_train, x_test, where all tasks have the same rows
    FOLDER/NAME.npz         labels_train, labels_test, integers from 0; x_train and x_test where rows are its own, and
                            the direction of a set along one

A learner that knows nothing of this package reads `numpy.load("FOLDER/NAME.npz")["labels_train"]`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tangentlab._atomic import make_folder, read_bytes, write_atomically
from tangentlab._errors import ArgumentError, DamagedRecordError, StoreError
from tangentlab.experiments.graded_tasks.bank import ScoredTask
from tangentlab.records.layout import pack_arrays
from tangentlab.records.sealed import seal, unseal
from tangentlab.tasks import Task

INDEX, TABLE, INPUTS = "tasks.json", "tasks.csv", "inputs.npz"


def export_tasks(
    tasks: Iterable[Task | ScoredTask],
    folder: str | Path,
    *,
    inputs: bool = True,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write tasks, with their scores where they have some, to a folder that has none yet; returns the folder.

    `inputs=False` leaves the rows out where all tasks share them: for data that must not be copied, and for which
    `about` should tell where they come from. Each file is whole or not there; without its index a folder is no bank.

    >>> import tempfile
    >>> from tangentlab.tasks import parity
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = export_tasks([parity(2, dimension=4, samples=8, test_samples=4)], place + "/bank")
    ...     [path.name for path in sorted(folder.iterdir())], read_tasks(folder)[0].task.name
    (['inputs.npz', 'parity-2-4.npz', 'tasks.csv', 'tasks.json'], 'parity:2,4')
    """
    scored = [one if isinstance(one, ScoredTask) else ScoredTask(one, {}) for one in tasks]
    if not scored:
        raise ArgumentError("tasks", expected="at least one task", got="none", remedy="Make some first.")
    folder = Path(folder)
    if (folder / INDEX).exists():
        raise StoreError(f"{folder} holds tasks already.", remedy="Choose another folder, or delete that one.")
    make_folder(folder)
    first = scored[0].task
    shared = all(_same_rows(one.task, first) for one in scored)
    written: dict[str, str] = {}

    def write(name: str, data: bytes) -> None:
        write_atomically(folder / name, data)
        written[name] = hashlib.sha256(data).hexdigest()

    if shared and inputs:
        write(INPUTS, pack_arrays(_rows(first)))
    entries, taken = [], set[str]()
    for one in scored:
        file = _file_name(one.task.name, taken)
        labels = {
            "labels_train": _labels(one.task.y_train),
            "labels_test": _labels(one.task.y_test),
        }
        labels |= {name: array.detach().cpu().numpy() for name, array in one.arrays.items()}
        write(file, pack_arrays(labels if shared else {**_rows(one.task), **labels}))
        entries.append(
            {
                "name": one.task.name,
                "file": file,
                "arrays": sorted(one.arrays),
                "inputs": (INPUTS if inputs else None) if shared else file,
                "classes": list(one.task.classes),
                "scores": one.scores,
                "identity": one.task.identity,
            }
        )
    write(TABLE, _table(entries))
    write_atomically(folder / INDEX, seal("tasks", entries, format=1, files=written, about=dict(about or {})))
    return folder


def read_tasks(folder: str | Path, *, x: tuple[Any, Any] | None = None) -> list[ScoredTask]:
    """The tasks of a folder that `export_tasks` wrote, every file checked against its checksum.

    `x` gives the train and test rows where they were left out. Raises `StoreError` for a folder without an index, and
    `DamagedRecordError` for one that does not match.

    >>> import tempfile
    >>> from tangentlab.tasks import parity
    >>> with tempfile.TemporaryDirectory() as place:
    ...     bank = [ScoredTask(parity(2, dimension=4, samples=8, test_samples=4), {"degree": 2})]
    ...     read_tasks(export_tasks(bank, place + "/bank"))[0].scores
    {'degree': 2}
    """
    folder = Path(folder)
    document = unseal("tasks", read_bytes(folder / INDEX), path=folder / INDEX, store=folder)
    opened: dict[str, Mapping[str, np.ndarray]] = {}

    def arrays(name: str) -> Mapping[str, np.ndarray]:
        if name not in opened:
            opened[name] = _checked(folder / name, document["files"].get(name))
        return opened[name]

    found = []
    for entry in document["tasks"]:
        labels = arrays(entry["file"])
        if entry["inputs"] is None and x is None:
            raise StoreError(
                f"{folder} holds labels without rows.",
                remedy="Pass the rows, x=(x_train, x_test), in their order.",
            )
        rows = arrays(entry["inputs"]) if entry["inputs"] else dict(zip(("x_train", "x_test"), x or ()))
        parts = {
            "x_train": torch.as_tensor(rows["x_train"]),
            "x_test": torch.as_tensor(rows["x_test"]),
            "labels_train": torch.from_numpy(labels["labels_train"]),
            "labels_test": torch.from_numpy(labels["labels_test"]),
        }
        task = Task.from_labels(
            name=entry["name"], classes=tuple(entry["classes"]), identity=entry["identity"], **parts
        )
        more = {name: torch.from_numpy(labels[name]) for name in entry["arrays"]}
        found.append(ScoredTask(task, entry["scores"], more))
    return found


def _same_rows(one: Task, other: Task) -> bool:
    return all(
        mine is theirs or (mine.shape == theirs.shape and mine.dtype == theirs.dtype and torch.equal(mine, theirs))
        for mine, theirs in ((one.x_train, other.x_train), (one.x_test, other.x_test))
    )


def _rows(task: Task) -> dict[str, np.ndarray]:
    return {"x_train": task.x_train.detach().cpu().numpy(), "x_test": task.x_test.detach().cpu().numpy()}


def _labels(y: torch.Tensor) -> np.ndarray:
    return (y[:, 0] if y.shape[1] == 1 else y.argmax(1)).long().cpu().numpy()


def _file_name(name: str, taken: set[str]) -> str:
    """A name that every file system takes, once."""
    plain = re.sub(r"[^A-Za-z0-9.=_]+", "-", name).strip("-.")[:80] or "task"
    file, number = f"{plain}.npz", 1
    while file.lower() in taken or file == INPUTS:
        number += 1
        file = f"{plain}-{number}.npz"
    taken.add(file.lower())
    return file


def _table(entries: list[dict[str, Any]]) -> bytes:
    scores = list(dict.fromkeys(name for entry in entries for name in entry["scores"]))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "file", "inputs", "classes", *scores])
    for entry in entries:
        values = ["" if (value := entry["scores"].get(name)) is None else value for name in scores]
        table.writerow(
            [entry["name"], entry["file"], entry["inputs"] or "", " | ".join(entry["classes"]), *values]
        )
    return text.getvalue().encode()


def _checked(path: Path, digest: str | None) -> Mapping[str, np.ndarray]:
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise DamagedRecordError(f"{path} does not match its checksum.", remedy="Export the tasks again.")
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}
