"""A byte budget is read, kept and refused in words; what a process really takes stays within it."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import tangentlab as tl
from tangentlab._errors import ArgumentError, NumericalError
from tangentlab.kernels.memory_budget import MemoryBudgetWarning, Room, parse_bytes
from tangentlab.kernels.process_memory import resident_bytes

CPU = torch.device("cpu")
MIB = 2**20


@pytest.mark.parametrize(
    ("words", "count"),
    [(1, 1), (2.9, 2), ("512", 512), ("1kB", 1000), ("1 KiB", 1024), ("1.5 mib", 1572864), (".5GB", 500_000_000), ("2.GiB", 2**31), ("7 b", 7)],
)  # fmt: skip
def test_bytes_are_read(words, count):
    assert parse_bytes(words) == count


@pytest.mark.parametrize(
    "words",
    ["", "GB", "abc", "1e9", "-1", "0", 0, -5, True, None, float("nan"), float("inf"), "1..5GB", "1TB", [1]],
)
def test_what_is_no_budget_is_refused(words):
    with pytest.raises(ArgumentError, match="`memory`.*'4GiB'.*'2GiB'"):
        parse_bytes(words)


def test_what_the_process_holds_counts_and_an_eighth_is_left():
    held = resident_bytes(CPU)
    roomy, tight = Room.on(CPU, held + 2**30), Room.on(CPU, held)
    assert abs(roomy.bytes - (2**30 - roomy.stated // 16)) < 100 * MIB
    assert tight.bytes == held // 8


def test_a_kernel_that_cannot_be_held_is_refused_with_its_size():
    with pytest.raises(
        NumericalError, match=r"1000 x 1000 rows takes 3.8 MiB and 1.0 MiB are allowed.*outputs='mean'"
    ):
        Room.on(CPU, "1MiB").refuse(1000, 1000, result=4_000_000)
    with pytest.raises(
        NumericalError, match="for the whole process, which holds .* already and the kernel of 10 x 10"
    ):
        Room.on(CPU, resident_bytes(CPU)).refuse(10, 10, result=resident_bytes(CPU) // 2)
    with pytest.warns(
        MemoryBudgetWarning, match=r"which holds .* already: 1.0 MiB more are used. Give memory='[0-9]+MiB'"
    ):
        Room.on(CPU, "1MiB").refuse(10, 10, result=0)
    with pytest.raises(NumericalError, match=r"takes .* GiB and .* are free"):
        Room.on(CPU, None).refuse(10**8, 10**8, result=4 * 10**16)


def test_a_budget_that_a_single_row_overruns_is_told_with_the_one_that_would_do(monkeypatch):
    held = resident_bytes(CPU)
    monkeypatch.setattr("tangentlab.kernels.memory_budget.resident_bytes", lambda device: held)
    model, x = torch.nn.Linear(3000, 1000), torch.zeros(2, 3000)
    with pytest.warns(
        MemoryBudgetWarning, match=r"the fewest rows at a time take .*Give memory='(\d+)MiB'"
    ) as told:
        tl.NeuralTangentKernel(model, outputs="full", memory=held + 18 * 2**20).plan(x)
    enough = re.search(r"memory='(\d+MiB)'", str(told[0].message))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tl.NeuralTangentKernel(model, outputs="full", memory=enough[1]).plan(x)


# VmHWM, not ru_maxrss: that one counts what the parent held when it forked.
CHILD = """
import sys, tempfile, torch, tangentlab as tl
torch.set_num_threads(1)
name, shape, rows, outputs, memory, stored = eval(sys.argv[1])
torch.manual_seed(0)
if name == "wide":
    model, c = torch.nn.Sequential(torch.nn.Linear(20, 300), torch.nn.ReLU(), torch.nn.Linear(300, 100)), 100
else:
    model, c = tl.build_network(name, shape, outputs=10, seed=0).eval(), 10
kernel = tl.NeuralTangentKernel(model, outputs=outputs, memory=memory)
x = torch.randn(rows, *shape)
if stored:
    with tempfile.TemporaryDirectory() as folder:
        kernel.tiles(x, store=folder)
else:
    kernel(x)
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a process holds is read from Linux")
@pytest.mark.parametrize(
    "case",
    [
        ("mlp", (784,), 3000, 0, "600MiB", False),
        ("lenet", (1, 28, 28), 3000, 0, "512MiB", False),
        ("lenet", (1, 28, 28), 8000, 0, "512MiB", True),
        ("resnet18", (3, 32, 32), 24, 0, "1400MiB", False),
        ("vit", (3, 32, 32), 48, 0, "700MiB", False),
        ("wide", (20,), 64, "full", "600MiB", False),  # the result is 157 MiB, a tile of all of it twice that
    ],
    ids=lambda case: f"{case[0]}{'-stored' if case[5] else ''}",
)
def test_the_peak_of_a_process_stays_within_its_budget(case):
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, repr(case)],
        capture_output=True,
        text=True,
        timeout=300,
        env={"PYTHONPATH": str(source), "PATH": "", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 1.1 * parse_bytes(case[4])
