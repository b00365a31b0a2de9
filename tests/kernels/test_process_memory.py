"""The system tells what a process holds; what passes have freed stays where the library would let it."""

import os
import platform
import subprocess
import sys

import torch

from tangentlab.kernels.process_memory import free_bytes, peak_bytes, resident_bytes

CPU = torch.device("cpu")
MIB = 2**20


def test_the_system_tells_what_is_free_and_held():
    assert free_bytes(CPU) > MIB
    assert 10 * MIB < resident_bytes(CPU) <= peak_bytes(CPU)


def test_freed_memory_of_a_pass_serves_the_next():
    code = """
import resource, sys, torch
from tangentlab.kernels.process_memory import keep_freed
if sys.argv[1] == "kept":
    keep_freed(torch.device("cpu"), room=2**30)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.ones(size << 20) for size in (3, 3, 12, 3, 3)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults() for _ in range(6)][-1])
"""
    # a Dask cluster leaves a threshold of its own in the environment, and the library then learns none
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    kept, left = (
        int(
            subprocess.run(
                [sys.executable, "-c", code, how], capture_output=True, text=True, check=True, env=plain
            ).stdout
        )
        for how in ("kept", "left")
    )
    assert kept <= left
    if platform.libc_ver()[0] == "glibc":
        assert kept < 96 * MIB // os.sysconf("SC_PAGE_SIZE") // 8


def test_kept_memory_goes_back_when_asked():
    code = """
import torch
from tangentlab.kernels.process_memory import keep_freed, resident_bytes, settle
cpu = torch.device("cpu")
before = resident_bytes(cpu)
keep_freed(cpu, room=2**30)
untouched = resident_bytes(cpu)
blocks = [torch.ones(3 << 20) for _ in range(16)]
del blocks
kept = resident_bytes(cpu)
settle(cpu)
print(untouched - before, kept - before, resident_bytes(cpu) - before)
"""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain)
    untouched, kept, settled = map(int, said.stdout.split())
    assert max(untouched, settled) < 16 * MIB  # the block that holds the heap is never written to
    if platform.libc_ver()[0] == "glibc":
        assert kept > 150 * MIB


def test_memory_is_kept_whatever_the_heap_has_had_room_for():
    code = """
import ctypes, torch
from tangentlab.kernels.process_memory import keep_freed, kept_bytes
library = ctypes.CDLL(None)
library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
library.free(library.malloc(20 << 20))  # the library learns this size, and not a larger one:
blocks = [library.malloc(15 << 20) for _ in range(6)]
for block in blocks[:-1]:  # the next block of 32 MiB is found in this gap
    library.free(block)
keep_freed(torch.device("cpu"), room=2**30)
print(kept_bytes())
"""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain)
    assert int(said.stdout) < 2**30  # a block outside the heap would lie terabytes above
    if platform.libc_ver()[0] == "glibc":
        assert int(said.stdout) > 2**27
