"""How much faster than its peers, and how far from the physical limit, is the tangent kernel here?

Every implementation computes the same float32 kernel of the same network on the same rows, in a process of its own.
Ours and a peer run in turn and the ratio of each pair is kept. Compilation and other first-time work is a first run
that is not counted. Errors are the largest difference from explicit float64 gradients on a few rows, over the largest
number there. A peer that does not fit or takes minutes is run on fewer rows and its time scaled by how its two parts
grow ("extrapolated"), or, where its parts are not known, as if it grew with n only ("at least").

    python benchmarks/kernel_against_peers.py                              # everything, about half an hour
    python benchmarks/kernel_against_peers.py vit-one --peers best         # ours, the limit, tutorial and best peer
    python benchmarks/kernel_against_peers.py --neural-tangents-python PATH

Peers come with the extra `benchmarks`; neural-tangents lives in a Python of its own (`make neural-tangents`).
Results go to benchmarks/results/; `benchmarks/quoted_figures.py` makes the README's table from them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import kept_results
import numpy as np
import physical_limit
import torch
import workloads
from kept_results import HERE, spread
from paired_runs import Failure, Process, alternate
from workloads import Workload

WRONG = 1e-2
"""Relative error from which on a peer's kernel is called wrong and its time does not count."""

PEERS = (
    "neural-tangents 3",
    "neural-tangents 1",
    "neural-tangents 2",
    "torch.func Jacobians",
    "torch.func products",
    "nngeometry Gram",
    "nngeometry Jacobian",
    "asdfghjkl Hadamard",
    "asdfghjkl direct",
)
TUTORIAL = "torch.func Jacobians"

FEWER: dict[str, dict[str, int]] = {
    "mlp-full": {"1": 32, "2": 32, "func J": 32, "func p": 4, "nng J": 32, "direct": 64},
    "mlp-trace": {"1": 64, "2": 64, "func J": 64, "func p": 4, "nng J": 64, "direct": 64},
    "mlp-one": {"1": 256, "2": 256, "func J": 512, "func p": 32, "nng J": 512, "direct": 512},
    "lenet-one": {"2": 256, "func p": 32},
    "lenet-full": {"2": 64, "func p": 16},
    "resnet-one": {"2": 16, "func J": 32, "func p": 4, "nng J": 64, "nng G": 64, "direct": 32},
    "resnet-full": {"1": 8, "2": 4, "func J": 4, "func p": 2, "nng J": 4, "nng G": 4},
    "vit-one": {"2": 32, "func p": 8},
}
"""Rows for those that cannot have all of them, by the start of their names' words. Larger workloads use the same."""

LARGE_PEERS = ("neural-tangents 3", TUTORIAL)


def main() -> None:
    parser = kept_results.parser(__doc__)
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(workloads.WORKLOADS)}; default all")
    parser.add_argument("--peers", nargs="*", help="words in their names, 'best' or 'none'; default all")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20, help="no new pair is begun after these")
    parser.add_argument("--patience", type=float, default=100, help="seconds after which a process is ended")
    parser.add_argument(
        "--neural-tangents-python", default=os.environ.get("NEURAL_TANGENTS_PYTHON"), metavar="PATH"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.workloads or workloads.WORKLOADS:
        measure(name, options)


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One workload: ours against the machine, then against each peer; kept after each."""
    workload = workloads.find(name)
    place = f"kernel_{name}"
    kept = kept_results.read(place, results=options.results)
    module = workloads.network(workload)
    with (
        tempfile.TemporaryDirectory() as folder,
        _start("tangentlab", name, workload.rows, options, folder) as own,
    ):
        _write_network(Path(folder), workload, module)
        own.run()
        reference = Reference(workload)
        error, found = reference.error(own, workload.rows)
        limit, seconds = _limit(own, name, workload, module, options, folder)
        kept |= {
            "question": __doc__.partition("\n")[0],
            "name": name,
            "workload": asdict(workload),
            "stamp": kept_results.stamp(options),
            "limit": limit,
            "own": {"seconds": seconds, "error": error, "versions": found, "peak_bytes": own.run()["peak"]},
        }
        kept.setdefault("peers", {})
        kept_results.write(place, kept, results=options.results)
        own_seconds, peak = seconds["median"], kept["own"]["peak_bytes"]
        print(
            f"\n{workload.title}, {workload.rows:,} rows: {own_seconds:.3f} s, "
            f"{workload.rows**2 / own_seconds:.3g} rows²/s, {peak / 2**30:.2f} GiB, error {error:.1e}; "
            f"{limit['ratio']['median']:.2f} times the limit of {limit['seconds']:.3f} s "
            f"at {limit['rate'] / 1e9:.0f} GFLOP/s"
        )
        for peer in chosen(options.peers, workload, kept["peers"]):
            found = against(own, peer, name, workload, reference, options, folder)
            kept["peers"][peer] = found | {"stamp": kept_results.stamp(options)}
            print("    " + in_words(peer, found), flush=True)
            kept_results.write(place, kept, results=options.results)
    return kept


def _limit(
    own: Process, name: str, workload: Workload, module: torch.nn.Module, options: argparse.Namespace, folder: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    count = physical_limit.operations(module, workload, workloads.inputs(workload, 1))
    ratios, rates, own_seconds = [], [], []
    with _start("product", name, 1, options, folder) as product:
        for _ in range(options.pairs):
            ran = own.run()
            product.run()
            rates.append(float(product.values([0])[0][0, 0]))
            own_seconds.append(ran["seconds"])
            ratios.append(ran["seconds"] * rates[-1] / count.total)
            if sum(own_seconds) > options.seconds:
                break
    rate = float(np.median(rates))
    limit = {
        "operations": asdict(count) | {"total": count.total},
        "rate": rate,
        "seconds": count.total / rate,
        "ratio": spread(ratios),
    }
    return limit, spread(own_seconds)


def against(
    own: Process,
    peer: str,
    name: str,
    workload: Workload,
    reference: Reference,
    options: argparse.Namespace,
    folder: str,
) -> dict[str, Any]:
    """Times in turn, or what the peer said when it could not."""
    rows = fewer_rows(peer, name, workload.rows)
    try:
        with _start(peer, name, rows, options, folder) as process:
            first = process.run()
            error, found = reference.error(process, rows)
            if error > WRONG:
                return {"wrong": True, "error": error, "versions": found, "rows": rows}
            pairs = alternate(own, process, pairs=options.pairs, seconds=options.seconds)
    except Failure as failure:
        return {"cannot": str(failure), "rows": rows}
    scale = workload.rows / rows
    seconds = [
        theirs["seconds"]
        if rows == workload.rows
        else sum(t * scale ** int(power) for power, t in theirs["parts"].items())
        for _, theirs in pairs
    ]
    return {
        "rows": rows,
        "bound": "measured"
        if rows == workload.rows
        else "at least"
        if "2" not in first["parts"]
        else "extrapolated",
        "seconds": spread(seconds),
        "ratio": spread([b / a["seconds"] for (a, _), b in zip(pairs, seconds)]),
        "first_seconds": first["seconds"],
        "peak_bytes": pairs[-1][1]["peak"],
        "error": error,
        "versions": found,
    }


def fewer_rows(peer: str, name: str, rows: int) -> int:
    """The rows a peer is run on: all of them unless `FEWER` says otherwise."""
    for words, fewer in FEWER.get(name.removesuffix("-large").removesuffix("-64"), {}).items():
        starts = words.split()
        if all(any(part.lower().startswith(s.lower()) for part in peer.replace(".", " ").split()) for s in starts):
            return min(rows, fewer)
    return rows


def chosen(asked: list[str] | None, workload: Workload, known: dict[str, Any]) -> list[str]:
    """Peers to run, in a fixed order."""
    if asked is None:
        return list(LARGE_PEERS if workload.large else PEERS)
    if asked == ["best"]:
        return [peer for peer in PEERS if peer in {best_peer(known), *LARGE_PEERS}]
    return [peer for peer in PEERS if any(word in peer for word in asked)]


def best_peer(known: dict[str, Any]) -> str | None:
    """The quickest that was run on all rows and is right."""
    times = {peer: found["seconds"]["median"] for peer, found in known.items() if found.get("bound") == "measured"}
    return min(times, key=times.__getitem__, default=None)


class Reference:
    """Explicit gradients in float64, one backward pass for each output of a few rows, and their products."""

    def __init__(self, workload: Workload):
        self.workload = workload
        parameters = sum(p.numel() for p in workloads.network(workload).parameters())
        self.count = 6 if parameters * workload.classes < 2e7 else 2
        self._known: dict[int, np.ndarray] = {}

    def rows(self, n: int) -> list[int]:
        return sorted({round(i) for i in np.linspace(0, n - 1, self.count)})

    def block(self, n: int) -> np.ndarray:
        if n not in self._known:
            self._known[n] = self._compute(n)
        return self._known[n]

    def _compute(self, n: int) -> np.ndarray:
        module = workloads.network(self.workload).double()
        x = workloads.inputs(self.workload, n)[self.rows(n)].double()
        gradients = []
        for row in x:
            for output in module(row[None])[0]:
                flat = torch.autograd.grad(output, list(module.parameters()), retain_graph=True)
                gradients.append(torch.cat([g.flatten() for g in flat]))
        J = torch.stack(gradients)
        few, c = len(x), self.workload.classes
        full = (J @ J.T).view(few, c, few, c).permute(0, 2, 1, 3)
        return (full if self.workload.flavour == "full" else full.diagonal(dim1=2, dim2=3).sum(-1)).numpy()

    def error(self, process: Process, n: int) -> tuple[float, dict[str, str]]:
        """Largest difference over largest number, and the versions of what was measured."""
        values, found = process.values(self.rows(n))
        exact = self.block(n)
        if values.shape != exact.shape:
            raise Failure(f"gives a kernel of shape {values.shape} on {len(exact)} rows")
        return float(np.abs(values - exact).max() / np.abs(exact).max()), found


def _start(method: str, name: str, rows: int, options: argparse.Namespace, folder: str) -> Process:
    kind, _, rest = method.partition(" ")
    if kind == "neural-tangents":
        if not options.neural_tangents_python:
            raise Failure("no Python given that has it: --neural-tangents-python")
        script = HERE / "peers" / "neural_tangents_process.py"
        command = [options.neural_tangents_python, str(script), rest, folder, str(rows), str(options.threads)]
    else:
        script = HERE / "peers" / "torch_process.py"
        command = [sys.executable, str(script), method, name, str(rows), str(options.threads)]
    patience = 1e4 if method == "tangentlab" else options.patience
    return Process(command, patience=patience, threads=options.threads)


def _write_network(folder: Path, workload: Workload, module: torch.nn.Module) -> None:
    (folder / "workload.json").write_text(json.dumps(asdict(workload)))
    state = {key: value.numpy() for key, value in module.state_dict().items()}
    np.savez(folder / "network.npz", inputs=workloads.inputs(workload).numpy(), **state)


def in_words(peer: str, found: dict[str, Any]) -> str:
    if "cannot" in found:
        return f"{peer:22s} cannot: {found['cannot'][:90]}"
    if "wrong" in found:
        return f"{peer:22s} is wrong: error {found['error']:.1e}"
    low, high = found["ratio"]["quartiles"]
    note = "" if found["bound"] == "measured" else f" ({found['bound']}, from {found['rows']} rows)"
    return (
        f"{peer:22s} {found['seconds']['median']:9.3f} s, {found['ratio']['median']:8.2f} times ours "
        f"({low:.2f} to {high:.2f}, {found['ratio']['runs']} pairs), {found['peak_bytes'] / 2**30:.2f} GiB, "
        f"error {found['error']:.1e}{note}"
    )


if __name__ == "__main__":
    main()
