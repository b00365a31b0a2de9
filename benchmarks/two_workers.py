"""Do two workers of a cluster write the same tiles, bit for bit, as one process, even when one of them is killed?

One output of a LeNet on 8,192 images: a store written by this process, one by two Dask workers, processes on this
machine with the same number of threads, and one by two of which the first is killed by SIGKILL half-way. Every file
of tiles is compared byte by byte.

    python benchmarks/two_workers.py                # a minute; needs the extras dask and store

Figures go to benchmarks/results/two_workers.json.
"""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kept_results
import torch
from any_n import lenet
from distributed import LocalCluster

import tangentlab as tl

TILE = 512
Progress = Callable[[int, int], None]


def main() -> None:
    parser = kept_results.parser(__doc__, threads=1)
    parser.add_argument("--rows", type=int, default=8_192)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        x = tl.load("fashion-mnist").x[: options.rows]
        kept: dict[str, Any] = {"question": __doc__.splitlines()[0], "stamp": kept_results.stamp(options)}
        kept |= {"rows": len(x), "tile": TILE, "stores": {}}
        one, seconds = fill(x, Path(folder) / "one process")
        kept |= {"tiles": len(one), "seconds": {"one process": seconds}}
        for name in ("two workers", "two workers, one killed"):
            found, seconds = on_two(x, Path(folder) / name, options.threads, kill=name.endswith("killed"))
            kept["seconds"][name] = seconds
            kept["stores"][name] = {"tiles that differ": sum(found.get(tile) != one[tile] for tile in one)}
            print(
                f"{name}: {kept['stores'][name]['tiles that differ']} of {len(one)} tiles differ, {seconds:.1f} s"
            )
    kept_results.write("two_workers", kept, results=options.results)


def on_two(x: torch.Tensor, store: Path, threads: int, *, kill: bool) -> tuple[dict[str, str], float]:
    """The tiles written by a cluster of two processes."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=threads,
        processes=True,
        dashboard_address=None,
        worker_dashboard_address=None,
    ) as cluster:
        victims = [cluster.workers[0].pid] if kill else []

        def progress(done: int, total: int) -> None:
            if victims and 2 * done > total:
                os.kill(victims.pop(), signal.SIGKILL)

        return fill(x, store, scheduler=cluster, progress=progress)


def fill(x: torch.Tensor, store: Path, **how: Any) -> tuple[dict[str, str], float]:
    """What the files of a store hold once it is written, and the seconds that took."""
    start = time.perf_counter()
    lenet("2GiB").tiles(x, store=store, tile=TILE, **how)
    seconds = time.perf_counter() - start
    files = [path for path in (store / "c").rglob("*") if path.is_file()]
    return {str(p.relative_to(store)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}, seconds


if __name__ == "__main__":
    main()
