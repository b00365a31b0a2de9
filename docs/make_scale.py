"""Write the figures of docs/scale.md from what the planner said, which is kept in docs/scale.json.

    python docs/make_scale.py           # the page from what is kept; a test tells when that is due
    python docs/make_scale.py --plan    # ask the planner first: some seconds, alone on the machine

The planner counts operations, rows put through the network and bytes of tiles, which depend on the network, n and the
memory of a process, and measures this machine. Other machines are assumed to sustain the rates below.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("scale.md")
KEPT = Path(__file__).with_name("scale.json")
BEGIN, END = "<!-- figures: written by docs/make_scale.py -->", "<!-- end of figures -->"
SIZES = (60_000, 1_000_000)
NETWORKS = {"LeNet on Fashion-MNIST": "lenet", "MLP 784-1024-1024-1": "mlp:width=1024,depth=2"}
HERE = "4GiB"
"""Memory of the process on this machine."""

COUNTED = (
    "forward_operations",
    "backward_operations",
    "contraction_operations",
    "rows_made",
    "pairs",
    "tiles",
    "block",
    "kept_blocks",
)
MEASURED = ("seconds", "row_seconds", "pair_seconds")


@dataclass(frozen=True)
class Machine:
    """Processes that compute tiles, with the memory and the float32 rate that each is assumed to have."""

    name: str
    workers: int
    memory: str
    rate: float
    """Operations in a second, an addition and a multiplication being two."""
    disk: float
    """Bytes in a second that its file system takes from all of them together."""

    def operations(self, plan: dict[str, Any], n: int) -> float:
        """Of all workers. Each makes the terms of columns again for each strip of rows: two strips, or as many as
        its memory asks for."""
        strips = max(2 * self.workers, -(-n // plan["block"]) / plan["kept_blocks"])
        rows = max(plan["rows_made"], n * strips / 2)
        return _passes(plan) * rows + plan["contraction_operations"]

    def seconds(self, plan: dict[str, Any], n: int) -> float:
        """Tiles are written while others are computed: whichever takes longer."""
        return max(
            self.operations(plan, n) / (self.workers * self.rate), written(plan) / self.disk
        )


DISK = 0.5e9
MACHINES = (
    Machine("one big GPU, float32", 1, "64GiB", 30e12, 2e9),
    Machine("Slurm, 32 nodes of 64 cores", 32, "64GiB", 2.5e12, 10e9),
    Machine("Kubernetes, 16 GPUs", 16, "64GiB", 30e12, 5e9),
)


def ask() -> dict[str, Any]:
    """What the planner says of each network, size and memory, on this machine with two threads."""
    import torch

    import tangentlab as tl

    torch.set_num_threads(2)
    row = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    plans = []
    for title, name in NETWORKS.items():
        kernels = {
            memory: tl.NeuralTangentKernel(
                tl.build_network(name, row.shape[1:], outputs=1, seed=0),
                outputs=0,
                memory=memory,
            )
            for memory in (HERE, *dict.fromkeys(machine.memory for machine in MACHINES))
        }
        for n in SIZES:
            for memory, kernel in kernels.items():
                plan = kernel.plan(row.expand(n, -1, -1, -1), storage="disk").to_dict()
                kept = {field: plan[field] for field in (*COUNTED, *MEASURED)}
                plans.append({"network": title, "n": n, "memory": memory, **kept})
    made = {
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }
    return {"command": "python docs/make_scale.py --plan", "made": made, "plans": plans}


def plan_of(kept: dict[str, Any], network: str, n: int, memory: str) -> dict[str, Any]:
    """One of the plans kept."""
    wanted = {"network": network, "n": n, "memory": memory}
    return next(plan for plan in kept["plans"] if wanted.items() <= plan.items())


def written(plan: dict[str, Any]) -> float:
    """Bytes of its tiles, float32."""
    return 4.0 * plan["pairs"]


def figures(kept: dict[str, Any]) -> str:
    """The table of the page."""
    head = [
        "network",
        "n",
        "operations",
        "tiles on disk",
        "2 cores, forecast",
        *(m.name for m in MACHINES),
    ]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for network in NETWORKS:
        for n in SIZES:
            here = plan_of(kept, network, n, HERE)
            count = sum(here[field] for field in COUNTED[:3])
            times = [max(here["seconds"], written(here) / DISK)]
            times += [
                machine.seconds(plan_of(kept, network, n, machine.memory), n)
                for machine in MACHINES
            ]
            cells = [
                network,
                f"{n:,}",
                _power(count),
                _bytes(written(here)),
                *map(_time, times),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def about(kept: dict[str, Any]) -> str:
    """What was measured and what was assumed."""
    made = kept["made"]
    rows = [
        f"The forecast is for a process of {_spaced(HERE)} with {made['threads']} threads ({made['instructions']},",
        f"torch {made['torch']}, {made['date']}), whose disk is assumed to take {DISK / 1e9:g} GB/s.",
        "",
        "The others are the planner's counts at rates that are assumed to be sustained, and nowhere measured:",
        "",
    ]
    rows += [
        f"- {m.name}: {m.rate / 1e9:,.0f} GFLOP/s and {_spaced(m.memory)} on each of {m.workers}, "
        f"{m.disk / 1e9:g} GB/s to disk"
        for m in MACHINES
    ]
    return "\n".join(rows)


def page(text: str) -> str:
    """The page with its figures as they are now."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{figures(kept)}\n\n{about(kept)}\n\n{END}{after}"


def _passes(plan: dict[str, Any]) -> float:
    """Operations of the forward and backward pass of one row."""
    return (plan["forward_operations"] + plan["backward_operations"]) / plan["rows_made"]


def _spaced(memory: str) -> str:
    return memory.replace("GiB", " GiB")


def _power(count: float) -> str:
    exponent = math.floor(math.log10(count))
    return f"{count / 10**exponent:.1f}·10^{exponent}"


def _bytes(count: float) -> str:
    return f"{count / 1e12:.1f} TB" if count >= 1e12 else f"{count / 1e9:.1f} GB"


def _time(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"


if __name__ == "__main__":
    if sys.argv[1:] == ["--plan"]:
        KEPT.write_text(json.dumps(ask(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
