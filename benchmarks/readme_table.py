"""The README's table, made from what was run and kept in benchmarks/results/ and from nothing else.

python benchmarks/readme_table.py            # rewrite the table between its markers
python benchmarks/readme_table.py --check    # exit 1 if it would change
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from kept_results import HERE, RESULTS
from kernel_against_peers import TUTORIAL, best_peer
from workloads import WORKLOADS

README = HERE.parent / "README.md"
BEGIN, END = "<!-- benchmarks: made by `make benchmark-table` -->", "<!-- end of benchmarks -->"
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
    machines = {
        f"{s['machine']['threads']} threads, {s['machine']['instructions']}, torch {s['versions']['torch']}"
        for s in (result["stamp"] for result in found)
    }
    dates = sorted(result["stamp"]["date"][:10] for result in found)
    rates = sorted(result["limit"]["rate"] / 1e9 for result in found)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return f"{'; '.join(sorted(machines))}; {when}; float32 products at {rates[0]:.0f} to {rates[-1]:.0f} GFLOP/s."


def placed(text: str, new: str) -> str:
    """`text` with what stands between the markers replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        sys.exit(f"README.md has no markers {BEGIN} and {END}")
    new = placed(text, table())
    if options.check:
        sys.exit(int(new != text))
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
