from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from tangentlab._errors import ArgumentError, StoreError
from tangentlab.linalg import SymmetricTiles, eigenpairs, krylov_eigenpairs


def slow_kernel(seed: int = 0) -> np.ndarray:
    U = np.linalg.qr(np.random.default_rng(seed).standard_normal((500, 500)))[0]
    K = (U / np.arange(1, 501) ** 0.7) @ U.T
    return (K + K.T) / 2


class Stopped(Exception):
    pass


def stop_after(products: int):
    def progress(done: int, total: int) -> None:
        if done >= products:
            raise Stopped

    return progress


@pytest.mark.parametrize("columns", [None, 1], ids=["growing", "restarting"])
@pytest.mark.parametrize("at", [16, 64, 88])
def test_a_search_that_was_stopped_gives_bit_for_bit_what_one_that_was_not_gives(tmp_path, columns, at):
    K = slow_kernel()
    whole = krylov_eigenpairs(K, 10, columns=columns)
    assert whole.products > at
    with pytest.raises(Stopped):
        krylov_eigenpairs(K, 10, columns=columns, checkpoint=tmp_path, progress=stop_after(at))
    first = []
    resumed = krylov_eigenpairs(
        K, 10, columns=columns, checkpoint=tmp_path, progress=lambda done, total: first.append(done)
    )
    assert first[0] >= at
    assert torch.equal(resumed.vectors, whole.vectors)
    assert torch.equal(resumed.values, whole.values)
    assert resumed.products == whole.products


_KILLED = """
import os, signal, sys
import torch
from tangentlab.linalg import krylov_eigenpairs
torch.set_num_threads(1)
source = torch.Generator().manual_seed(0)
U = torch.linalg.qr(torch.randn(400, 400, generator=source, dtype=torch.float64))[0]
K = (U / torch.arange(1, 401) ** 0.7) @ U.T
def progress(done, total):
    if done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
pairs = krylov_eigenpairs((K + K.T) / 2, 8, checkpoint=sys.argv[1], progress=progress)
print(float(pairs.values[7]).hex(), float(pairs.vectors[3, 7]).hex(), pairs.products)
"""


def test_a_process_killed_in_between_loses_at_most_a_step(tmp_path):
    def run(folder: str, killed_at: int):
        arguments = [sys.executable, "-c", _KILLED, str(tmp_path / folder), str(killed_at)]
        return subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)

    killed = run("killed", 40)
    assert killed.returncode == -9 and not killed.stdout
    assert list((tmp_path / "killed").glob("step-*.npz"))
    assert run("killed", 10**6).stdout == run("whole", 10**6).stdout != ""


def test_tiles_resume_too(tmp_path):
    K = torch.from_numpy(slow_kernel())
    tiles = SymmetricTiles.of(
        [(i, j, K[i : i + 200, j : j + 200]) for i in range(0, 500, 200) for j in range(i, 500, 200)]
    )
    whole = eigenpairs(tiles, 10)
    with pytest.raises(Stopped):
        eigenpairs(tiles, 10, checkpoint=tmp_path, progress=stop_after(48))
    assert torch.equal(eigenpairs(tiles, 10, checkpoint=tmp_path).vectors, whole.vectors)


def test_another_search_another_kernel_and_damage_are_refused(tmp_path):
    K = slow_kernel()
    with pytest.raises(Stopped):
        krylov_eigenpairs(K, 10, checkpoint=tmp_path, progress=stop_after(64))
    with pytest.raises(ArgumentError, match='steps of the search .*"k":10'):
        krylov_eigenpairs(K, 11, checkpoint=tmp_path)
    with pytest.raises(ArgumentError, match="steps of another kernel"):
        krylov_eigenpairs(slow_kernel(1), 10, checkpoint=tmp_path)
    steps = sorted(tmp_path.glob("step-*.npz"))
    steps[1].write_bytes(steps[1].read_bytes()[:-1000])
    with pytest.raises(StoreError, match="is damaged"):
        krylov_eigenpairs(K, 10, checkpoint=tmp_path)
    steps[1].unlink()
    with pytest.raises(StoreError, match="a step before it is missing"):
        krylov_eigenpairs(K, 10, checkpoint=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="could not be written: a file stands where a folder should be"):
        krylov_eigenpairs(K, 10, checkpoint=tmp_path / "file")


def test_a_write_that_fails_leaves_no_litter(tmp_path, monkeypatch):
    def full(file, **content):
        file.write(b"some")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(StoreError, match="the disk is full"):
        krylov_eigenpairs(slow_kernel(), 10, checkpoint=tmp_path)
    assert not list(tmp_path.iterdir())
