"""What a block Krylov iteration knows, kept in a folder, so that a killed one goes on where it was.

Each step adds one file, written whole or not at all: the images of its block, the block to come, what they add to T,
and the state of the random source. A restart writes everything and drops what came before. A search that is resumed
makes the same products with the same numbers as one that was never stopped.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from tangentlab._atomic import explain, make_folder, whole_file
from tangentlab._errors import ArgumentError, StoreError
from tangentlab._fingerprint import canonical_json
from tangentlab.linalg.krylov_basis import KrylovBasis
from tangentlab.linalg.linear_map import LinearMap

_SAME = 1e-3
"""Products of the same kernel agree much better than this, those of another one much worse."""


@dataclass(frozen=True, eq=False)
class KrylovState:
    """Before a product: `used` rows of the basis, `spent` products, the largest |λ| seen, the rows at which the pairs
    are looked at next, those at which all pairs were last solved for, and the block `new` (b, n) to be multiplied.

    >>> KrylovState(0, 0, 0.0, 8, 0, torch.eye(3)[:1]).used
    0
    """

    used: int
    spent: int
    scale: float
    check: int
    solved: int
    new: Tensor


@dataclass(frozen=True, eq=False)
class KrylovCheckpoint:
    """A folder of steps, and what search they belong to.

    >>> import tempfile
    >>> K = LinearMap.of(torch.diag(torch.tensor([2.0, 1.0])))
    >>> basis, source = KrylovBasis.empty(K, capacity=2, dtype=torch.float32), torch.Generator()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = KrylovCheckpoint.of(folder, about={"k": 1})
    ...     kept.save(0, basis, KrylovState(0, 0, 0.0, 1, 0, torch.eye(2)[:1]), since=0, source=source)
    ...     kept.load(K, basis, source=source)[1].new.tolist()
    [[1.0, 0.0]]
    """

    folder: Path
    about: str

    @staticmethod
    def of(folder: str | os.PathLike[str], *, about: dict[str, object]) -> KrylovCheckpoint:
        """The folder, made where it is not there; `about` must be the same when it is used again."""
        return KrylovCheckpoint(make_folder(Path(folder)), canonical_json(about))

    def save(
        self, step: int, basis: KrylovBasis, state: KrylovState, *, since: int, source: torch.Generator
    ) -> None:
        """Keep the rows of the basis from `since` on (all of them: 0) and the state; atomic."""
        part = slice(since, state.used)
        content: dict[str, Any] = {
            "about": np.array(self.about),
            "since": np.array(since),
            "counts": np.array([state.used, state.spent, state.check, state.solved]),
            "scale": np.array(state.scale),
            "source": source.get_state().numpy(),
            "new": state.new.cpu().numpy(),
            "rows": basis.rows[part].cpu().numpy(),
            "images": basis.images[part].cpu().numpy(),
            "projected": basis.projected[part, : state.used].cpu().numpy(),
        }
        path = self._path(step)
        try:
            with whole_file(path) as file:
                np.savez(file, **content)
        except OSError as error:
            raise explain(error, path, doing="written") from error
        if since == 0:
            for old in self.folder.glob("step-*.npz"):
                if old < path:
                    old.unlink()

    def load(self, K: LinearMap, basis: KrylovBasis, *, source: torch.Generator) -> tuple[int, KrylovState] | None:
        """The steps taken and the state after them, with basis and source set to it; None where there is none.

        Refused: steps of another search, damaged ones, and those of a kernel that gives other products.
        """
        paths = sorted(self.folder.glob("step-*.npz"))
        state, step = None, 0
        for path in paths:
            content = self._read(path)
            since, (used, spent, check, solved) = int(content["since"]), content["counts"].tolist()
            if state is not None and since > state.used:
                raise self._damaged(path)
            part = slice(since, used)
            basis.rows[part] = torch.from_numpy(content["rows"]).to(basis.rows)
            basis.images[part] = torch.from_numpy(content["images"]).to(basis.images)
            basis.projected[part, :used] = torch.from_numpy(content["projected"]).to(basis.projected)
            source.set_state(torch.from_numpy(content["source"]))
            new = torch.from_numpy(content["new"]).to(basis.rows)
            state, step = KrylovState(used, spent, float(content["scale"]), check, solved, new), int(path.stem[5:])
        if state is None:
            return None
        if state.used:
            image, kept = K(basis.rows[:1].T)[:, 0].double(), basis.images[0].double()
            if float((image - kept).norm()) > _SAME * float(image.norm() + kept.norm()):
                raise self._foreign("steps of another kernel")
        return step, state

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}.npz"

    def _read(self, path: Path) -> dict[str, np.ndarray]:
        try:
            with open(path, "rb") as opened, np.load(opened) as file:
                content = {name: file[name] for name in file.files}
            about = str(content["about"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise self._damaged(path) from error
        if about != self.about:
            raise self._foreign(f"steps of the search {about}")
        return content

    def _damaged(self, path: Path) -> StoreError:
        return StoreError(
            f"{path} is damaged, or a step before it is missing.", remedy="Delete the folder and start anew."
        )

    def _foreign(self, found: str) -> ArgumentError:
        return ArgumentError(
            "checkpoint",
            expected=f"a folder that is empty or holds steps of this search, {self.about}",
            got=found,
            remedy="Give a folder of its own to each search, or delete this one.",
        )
