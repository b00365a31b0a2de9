"""Is a budget of 512 MiB kept by a kernel that goes to disk?

One output of a LeNet on 8,192 random images, float32, `memory="512MiB"`, into a store of tiles, in a process of its
own whose largest resident set the system counts.

    python benchmarks/little_memory.py              # some seconds

Figures go to benchmarks/results/little_memory.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time

import kept_results
import torch
from any_n import lenet, peak

BUDGET = "512MiB"
BYTES = 512 * 2**20


def main() -> None:
    parser = kept_results.parser(__doc__)
    parser.add_argument("--rows", type=int, default=8_192)
    parser.add_argument("--store", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.store:
        x = torch.randn(options.rows, 1, 28, 28, generator=torch.Generator().manual_seed(0))
        start = time.perf_counter()
        gram = lenet(BUDGET).tiles(x, store=options.store)
        seconds = time.perf_counter() - start
        found = {"rows": options.rows, "seconds": seconds, "difference from autograd": gram.difference}
        print(json.dumps(found | {"peak_bytes": peak()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--store", folder, "--rows", str(options.rows)]
        command += ["--threads", str(options.threads)]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    found |= {"budget": BUDGET, "share": found["peak_bytes"] / BYTES}
    print(
        f"{options.rows} rows to disk within {BUDGET}: {found['seconds']:.1f} s, peak "
        f"{found['peak_bytes'] / 2**20:.0f} MiB, {found['share']:.2f} of the budget"
    )
    kept = {"question": __doc__.splitlines()[0], "stamp": kept_results.stamp(options), **found}
    kept_results.write("little_memory", kept, results=options.results)


if __name__ == "__main__":
    main()
