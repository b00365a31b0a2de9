"""What runs on a Dask worker: units, one at a time in a process, with what they share in hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distributed import WorkerPlugin, get_worker

from tangentlab import __version__
from tangentlab._errors import TangentlabError

_ONE_AT_A_TIME = threading.Lock()
"""Units set the threads of torch and borrow its random state, which belong to the whole process."""


@dataclass(frozen=True, eq=False)
class SharedPlugin(WorkerPlugin):
    """What all units share, sent once to each worker of now and to each that joins later; it may keep a state there.

    A scattered value would be lost with the last worker that holds it, and dropped where no unit waits for it.

    >>> SharedPlugin({"rows": 3}, version=__version__).shared
    {'rows': 3}
    """

    shared: Any
    version: str

    def setup(self, worker: Any) -> None:
        """Refuse a worker whose tangentlab is another one: what it found would not be comparable."""
        if self.version != __version__:
            raise TangentlabError(
                f"The worker {worker.address} has tangentlab {__version__}, and {self.version} asks it to work.",
                remedy="Start the workers in the environment that the command runs in.",
            )


def perform(function: Callable[[Any, Any], Any], unit: Any, *, plugin: str) -> Any:
    """`function(unit, shared)` on this worker, alone in its process."""
    with _ONE_AT_A_TIME:
        held: Any = get_worker().plugins[plugin]
        return function(unit, held.shared)
