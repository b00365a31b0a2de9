"""Are forecasts true? Seconds and peak bytes of kernels, forecast by `plan` and then measured.

The workloads of `kernel_against_peers.py` and one output of a LeNet on more rows, float32, each in a process of its
own that plans first. Kept are forecast over measured: 1 is right, 2 promises twice of what it takes.

    python benchmarks/plan_forecast.py              # four minutes
    python benchmarks/plan_forecast.py lenet-one    # one of them

Figures go to benchmarks/results/plan_forecast.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import kept_results
import torch
import workloads
from any_n import peak
from kept_results import spread
from workloads import WORKLOADS, Workload

import tangentlab as tl

CASES: dict[str, Workload] = {
    **{name: each for name, each in WORKLOADS.items() if not each.large and name != "resnet-one-64"},
    **{f"lenet-one-{n}": replace(WORKLOADS["lenet-one"], rows=n) for n in (4096, 8192, 16384)},
}


def main() -> None:
    parser = kept_results.parser(__doc__)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; default all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.here:
        print(json.dumps(measure(CASES[options.cases[0]])))
        return
    for name in options.cases or CASES:
        command = [sys.executable, __file__, "--here", name, "--threads", str(options.threads)]
        runs = [
            json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
            for _ in range(options.repeats)
        ]
        found: dict[str, Any] = {"case": name, "title": CASES[name].title, "rows": CASES[name].rows}
        for what in ("s", "bytes"):
            found[what] = spread([run[what] for run in runs])
            found[f"{what} forecast"] = spread([run[f"{what} forecast"] for run in runs])
            found[f"{what} ratio"] = spread([run[f"{what} forecast"] / run[what] for run in runs])
        found["planning s"] = spread([run["planning s"] for run in runs])
        seconds, memory = found["s ratio"], found["bytes ratio"]
        print(
            f"{name:16} {found['rows']:6} rows  {found['s forecast']['median']:7.3f} / {found['s']['median']:7.3f} s "
            f"= {seconds['median']:4.2f}   {found['bytes forecast']['median'] / 2**20:6.0f} / "
            f"{found['bytes']['median'] / 2**20:6.0f} MiB = {memory['median']:4.2f}   "
            f"planned in {found['planning s']['median']:.2f} s",
            flush=True,
        )
        kept_results.write_run("plan_forecast", __doc__.splitlines()[0], found, key=("case",), options=options)


def measure(workload: Workload) -> dict[str, float]:
    x = workloads.inputs(workload)
    kernel = tl.NeuralTangentKernel(workloads.network(workload), outputs=workload.flavour)
    start = time.perf_counter()
    plan = kernel.plan(x)
    planning = time.perf_counter() - start
    start = time.perf_counter()
    kernel(x)
    seconds = time.perf_counter() - start
    forecast = {"s forecast": plan.seconds, "bytes forecast": plan.bytes}
    return {"s": seconds, "bytes": peak(), "planning s": planning, **forecast}


if __name__ == "__main__":
    main()
