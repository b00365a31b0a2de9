"""The table of kernels beside their peers, made from what `kernel_against_peers.py` has kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kept_results import RESULTS, made
from kernel_against_peers import TUTORIAL, best_peer
from workloads import WORKLOADS

HEAD = (
    "| kernel | rows | seconds | GiB | error | best peer | times faster | than the tutorial | times the limit |",
    "|---|--:|--:|--:|--:|---|--:|--:|--:|",
)


def table(results: Path = RESULTS) -> str:
    """Lines of Markdown, one a workload that has results, in the order of `WORKLOADS`; then where they are from."""
    found = [
        json.loads(path.read_text()) for name in WORKLOADS if (path := results / f"kernel_{name}.json").exists()
    ]
    if not found:
        return "No results yet."
    return "\n".join([*HEAD, *map(row, found), "", provenance(found)])


def row(result: dict[str, Any]) -> str:
    workload, own, limit, peers = (result[key] for key in ("workload", "own", "limit", "peers"))
    best = best_peer(peers)
    cells = [
        workload["title"],
        f"{workload['rows']:,}",
        f"{own['seconds']['median']:.3g}",
        f"{own['peak_bytes'] / 2**30:.2f}",
        f"{own['error']:.0e}",
        f"{best} {peers[best]['seconds']['median']:.3g} s" if best else "",
        ratio(peers[best]) if best else "",
        ratio(peers[TUTORIAL]) if "ratio" in peers.get(TUTORIAL, {}) else "",
        f"{limit['ratio']['median']:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def ratio(peer: dict[str, Any]) -> str:
    """Its time over ours; ~ where the peer was run on fewer rows, ≥ where that can only be a lower bound."""
    value = peer["ratio"]["median"]
    mark = {"measured": "", "extrapolated": "~", "at least": "≥"}[peer["bound"]]
    return mark + (f"{value:,.0f}" if value >= 20 else f"{value:.1f}")


def provenance(found: list[dict[str, Any]]) -> str:
    rates = sorted(result["limit"]["rate"] / 1e9 for result in found)
    return f"{made(*found)} float32 products at {rates[0]:.0f} to {rates[-1]:.0f} GFLOP/s."
