"""Where figures are kept: benchmarks/results/<name>.json, with when, where and how each was measured.

Every benchmark writes here and nowhere else, and `quoted_figures.py` makes every table and sentence of the README and
of docs/ that quotes a measurement out of these files alone.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import tangentlab as tl
from tangentlab._atomic import write_atomically
from tangentlab.experiments.machine.description import machine, versions

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
Kept = dict[str, Any]
_PLACES = ("--neural-tangents-python", "--results", "--store")


def parser(description: str, *, threads: int = 2) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--threads", type=int, default=threads)
    made.add_argument("--results", type=Path, default=RESULTS, help="another folder for a trial's figures")
    return made


def spread(values: list[float]) -> Kept:
    """Median and quartiles of measurements, with their number."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": float(middle), "quartiles": [float(low), float(high)], "runs": len(values)}


def with_quartiles(kept: Kept) -> str:
    """A `spread` in words: its median, and its quartiles in brackets."""
    low, high = kept["quartiles"]
    return f"{kept['median']:.2f} ({low:.2f} to {high:.2f})"


def stamp(options: argparse.Namespace) -> Kept:
    """When, where and how a measurement was made; nothing that names a folder or the user."""
    script = Path(sys.argv[0]).name
    arguments = [a for before, a in pairwise(sys.argv) if a not in _PLACES and before not in _PLACES]
    package = Path(tl.__file__).parent
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=package, capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python benchmarks/{script} {shlex.join(arguments)}".strip(),
        "commit": described.stdout.strip() or "unknown",
        "machine": machine(threads=options.threads),
        "versions": versions(),
    }


def read(name: str, *, results: Path = RESULTS) -> Kept:
    """What is kept under a name; empty where nothing is."""
    path = results / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(name: str, kept: Kept, *, results: Path = RESULTS) -> None:
    """Keep a dictionary under a name, whole or not at all."""
    results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    write_atomically(results / f"{name}.json", text.encode())


def made(*kept: Kept) -> str:
    """Where and when some results were measured, by their stamps, in a sentence."""
    stamps = [one["stamp"] for one in kept]
    machines = {
        f"{s['machine']['threads']} of {s['machine']['cores']} cores, {s['machine']['instructions']}, "
        f"torch {s['versions']['torch']}"
        for s in stamps
    }
    dates = sorted({s["date"][:10] for s in stamps})
    commits = sorted({s["commit"].removesuffix("-dirty") for s in stamps})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return f"Measured on {'; '.join(sorted(machines))}; {when}, commit {', '.join(commits)}."


def write_run(name: str, question: str, run: Kept, *, key: tuple[str, ...], options: Any) -> None:
    """Keep one of a benchmark's runs, in the place of the one before it that is the same in `key`; stamped."""
    kept = read(name, results=options.results)
    others = [one for one in kept.get("runs", []) if any(one.get(part) != run[part] for part in key)]
    write(
        name, {"question": question, "runs": [*others, run | {"stamp": stamp(options)}]}, results=options.results
    )
