# %% [markdown]
# # A network beside its linearization, and how to read the verdict
#
# `tl.compare` trains a network and four linear companions on the same rows, from the same weights, on the same
# batches, for every task, sample size and seed of a grid. This page runs a small grid with a network of our own on two
# tasks chosen to differ: handwritten digits, and the product of two of twenty random signs, which has to be found among
# 190 such products.

# %%
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean

from torch import nn

import tangentlab as tl


def own(input_shape, outputs):
    """A builder is called anew for each cell, so that each seed has weights of its own."""
    size = input_shape[0] if len(input_shape) == 1 else input_shape[1] * input_shape[2]
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(size, 48),
        nn.ReLU(),
        nn.Linear(48, 48),
        nn.ReLU(),
        nn.Linear(48, outputs),
    )


folder = Path(tempfile.mkdtemp())
results = tl.compare(
    {"own": own},
    ["group:0-4", "parity:2,20"],
    samples=[50, 400],
    test_samples=300,
    seeds=4,
    descent={"epochs": 40, "learning_rate": 0.1, "batch_size": 25},
    ridge="leave-one-out",
    out=folder / "run",
)
print(results)

# %% [markdown]
# ## The verdict
#
# Three sentences: who wins and by how much, where, and whether the initial kernel foretold which task is hard. Every
# claim rests on differences paired by seed, with intervals, and is withheld where an interval holds zero.

# %%
print(results.verdict.headline)
for sentence in results.verdict.sentences:
    print("-", sentence)

# %% [markdown]
# ## The numbers behind it
#
# One row for each cell and learner; `to_pandas()` and `to_polars()` give them as a data frame.

# %%
accuracy = defaultdict(list)
for row in results.rows():
    accuracy[row["task"], row["samples"], row["learner"]].append(100 * row["test_accuracy"])
table = {key: mean(values) for key, values in accuracy.items()}

learners = ["network", "linear-init", "linear-end", "ridge-init", "ridge-end"]
print(f"{'task':14s}{'samples':>8s}" + "".join(f"{name:>13s}" for name in learners))
for task in ("group:0-4", "parity:2,20"):
    for samples in (50, 400):
        print(
            f"{task:14s}{samples:8d}"
            + "".join(f"{table[task, samples, name]:13.1f}" for name in learners)
        )

# %% [markdown]
# ## How to read it
#
# - **`network` against `linear-init`**: same loss, steps and batches. The difference is what leaving the tangent at
#   the initial weights was worth.
# - **`ridge-init`**: the same initial kernel, trained to the end. Where it is close to the network and `linear-init`
#   is not, the kernel was good enough and the descent too short for it.
# - **`linear-end` and `ridge-end`** use the features the network ended with. Where they match the network and the two
#   at initialization do not, the network learned features, and the features carry its result. On parity that is the
#   whole story.
# - The kernel itself tells how far it turned, from 0 to 1:

# %%
turn = defaultdict(list)
for row in results.rows():
    turn[row["task"], row["samples"]].append(row["kernel_distance"])
for (task, samples), values in turn.items():
    print(f"{task:14s}{samples:8d}   kernel turned by {mean(values):.2f}")

# %% [markdown]
# ## The report, and what is kept
#
# The store holds one checked record a cell. The same call with the same `out` computes nothing again, and a run that
# was killed goes on where it was.

# %%
page = results.report()
again = tl.compare(
    {"own": own},
    ["group:0-4", "parity:2,20"],
    samples=[50, 400],
    test_samples=300,
    seeds=4,
    descent={"epochs": 40, "learning_rate": 0.1, "batch_size": 25},
    ridge="leave-one-out",
    out=folder / "run",
)
print(
    f"{page.name}: {page.stat().st_size // 1024} KiB, {len(list((folder / 'run' / 'records').iterdir()))} records"
)

# %% [markdown]
# ## What this page claims

# %%
assert not results.failed and len(results.records) == 2 * 2 * 4
assert table["parity:2,20", 400, "network"] > 95  # features were learned
assert table["parity:2,20", 400, "ridge-end"] > 95  # and the final kernel carries them
assert table["parity:2,20", 400, "ridge-init"] < 90
assert abs(table["group:0-4", 400, "network"] - table["group:0-4", 400, "ridge-init"]) < 5
assert mean(turn["parity:2,20", 400]) > mean(turn["parity:2,20", 50])
assert results.verdict.headline and len(results.verdict.sentences) == 3
assert [a.readings == b.readings for a, b in zip(results.records, again.records)] == [True] * 16
assert page.is_file()
