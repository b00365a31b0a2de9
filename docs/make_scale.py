"""Write the figures of docs/scale.md: `python docs/make_scale.py`; a test tells when that is due.

Operations and bytes are counted from the shapes of the network, by the same rules as the engine's forms: they do not
depend on the machine. Times are those over the rates below, which are assumptions and not measurements.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("scale.md")
BEGIN, END = "<!-- figures: written by docs/make_scale.py -->", "<!-- end of figures -->"
SIZES = (60_000, 1_000_000)


@dataclass(frozen=True)
class Machine:
    """Processes that compute tiles, and the float32 rate that one of them is assumed to sustain."""

    name: str
    workers: int
    rate: float
    """Operations in a second, an addition and a multiplication being two."""
    disk: float
    """Bytes in a second that its file system takes from all of them together."""

    def seconds(self, count: float, written: float) -> float:
        """Tiles are written while others are computed: whichever takes longer."""
        return max(count / (self.workers * self.rate), written / self.disk)


MACHINES = (
    Machine("laptop, 2 cores", 1, 150e9, 0.5e9),
    Machine("one big GPU, float32", 1, 30e12, 2e9),
    Machine("Slurm, 32 nodes of 64 cores", 32, 2.5e12, 10e9),
    Machine("Kubernetes, 16 GPUs", 16, 30e12, 5e9),
)


@dataclass(frozen=True)
class Layer:
    """A layer's positions, inputs and outputs for one row, its bias among the inputs."""

    positions: int
    inputs: int
    outputs: int

    @property
    def pass_operations(self) -> int:
        """Of the forward pass; a backward pass to the inputs takes as many."""
        return 2 * self.positions * self.inputs * self.outputs

    @property
    def pair_operations(self) -> int:
        """The cheapest form for two rows: Hadamard with one position, else the gradient written out."""
        if self.positions == 1:
            return 2 * (self.inputs + self.outputs)
        return 2 * self.inputs * self.outputs


NETWORKS = {
    "LeNet on Fashion-MNIST": (
        Layer(28 * 28, 26, 6),
        Layer(14 * 14, 151, 16),
        Layer(1, 785, 120),
        Layer(1, 121, 84),
        Layer(1, 85, 1),
    ),
    "MLP 784-1024-1024-1": (Layer(1, 785, 1024), Layer(1, 1025, 1024), Layer(1, 1025, 1)),
}


def operations(layers: tuple[Layer, ...], n: int) -> float:
    """Of the symmetric kernel of one output: one forward and one backward pass a row, half of all pairs."""
    passes = 2 * n * sum(layer.pass_operations for layer in layers)
    return passes + n * (n + 1) / 2 * sum(layer.pair_operations for layer in layers)


def figures() -> str:
    """The table of the page."""
    head = [
        "network",
        "n",
        "operations",
        "tiles on disk",
        *(machine.name for machine in MACHINES),
    ]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for name, layers in NETWORKS.items():
        for n in SIZES:
            count = operations(layers, n)
            written = n * (n + 1) / 2 * 4
            times = [_time(machine.seconds(count, written)) for machine in MACHINES]
            cells = [name, f"{n:,}", _power(count), _bytes(written), *times]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rates() -> str:
    """What was assumed, as a list."""
    rows = [
        f"- {m.name}: {m.rate / 1e9:,.0f} GFLOP/s on each of {m.workers}, {m.disk / 1e9:g} GB/s to disk"
        for m in MACHINES
    ]
    return "\n".join(rows)


def page(text: str) -> str:
    """The page with its figures as they are now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{figures()}\n\nAssumed to be sustained, and nowhere measured:\n\n{rates()}\n\n{END}{after}"


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
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
