"""neural-tangents behind `serve`, in the Python of its own that it needs (see neural-tangents.txt beside this file).

    PYTHON benchmarks/peers/neural_tangents_process.py IMPLEMENTATION FOLDER ROWS THREADS

FOLDER holds network.npz, the PyTorch state under its names and the rows under "inputs", and workload.json. The kernel
function is compiled; the first run, which compiles, is the caller's to drop.
"""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path


def main() -> None:
    implementation, folder, rows, threads = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    if hasattr(os, "sched_setaffinity"):  # XLA takes as many threads as it sees cores, when it first computes
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    workload = json.loads((folder / "workload.json").read_text())
    if workload["network"] == "vit":  # a rewrite in this jax stops with "could not append a binary post-op"
        os.environ["XLA_FLAGS"] = "--xla_disable_hlo_passes=onednn-matmul-rewriter"
    # its TensorFlow bridge, 0.4 GiB of imports that its kernels never touch
    sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")
    import jax
    import jax_networks
    import neural_tangents as nt
    import numpy as np
    from serve import Clock, serve

    stored = dict(np.load(folder / "network.npz"))
    x = jax_networks.rows_of(stored.pop("inputs")[:rows])
    parameters, constants = jax_networks.parameters_of(stored, network=workload["network"])
    network = jax_networks.NETWORKS[workload["network"]]
    full = workload["flavour"] == "full"
    kernel = jax.jit(
        nt.empirical_ntk_fn(
            lambda p, rows: network(p, constants, rows),
            trace_axes=() if full else (-1,),
            vmap_axes=0,
            implementation=implementation,
        ),
        static_argnums=1,
    )

    def run(clock: Clock):
        return kernel(x, None, parameters).block_until_ready()

    def pick(values, rows: list[int]):
        scale = 1 if full else workload["classes"]  # its trace is a mean
        return np.asarray(values, dtype=np.float64)[np.ix_(rows, rows)] * scale

    serve(run, pick, versions=lambda: {"neural-tangents": nt.__version__, "jax": jax.__version__})


if __name__ == "__main__":
    main()
