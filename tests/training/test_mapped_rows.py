import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from tangentlab._errors import DataError, NotFiniteError, NotSymmetricError, ShapeError
from tangentlab.training.descent import Descent
from tangentlab.training.function_space import train_function_space
from tangentlab.training.function_space_many import train_function_space_many
from tangentlab.training.mapped_rows import MappedRows, reads_its_file

ROUNDING = 1e-12  # relative; strips and whole products sum float64 in other orders


def gram(n, *, c=None, dtype=np.float64, seed=0):
    """A Gram of one output, or of c coupled ones."""
    J = np.random.default_rng(seed).normal(size=(n, c or 1, 40))
    K = np.einsum("ikp,jlp->ijkl", J, J) / 40
    return (K if c else K[:, :, 0, 0]).astype(dtype)


def in_file(path, K, *, offset=0, mode="r"):
    written = np.memmap(path, K.dtype, "w+", offset=offset, shape=K.shape)
    written[...] = K
    written.flush()
    return np.memmap(path, K.dtype, mode, offset=offset, shape=K.shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strip", [1, 3000, 2**24])
def test_a_gram_in_a_file_trains_as_the_same_gram_in_memory(tmp_path, monkeypatch, dtype, strip):
    monkeypatch.setattr("tangentlab.training.mapped_rows.STRIP", strip)
    K = gram(50, dtype=dtype)
    y = [torch.arange(50.0) % 2, (torch.arange(50.0) > 20).double()]
    descents = [Descent(batch_size=16, epochs=4, seed=seed, learning_rate=0.2) for seed in (0, 1)]
    stored = train_function_space_many(K, None, y, descents)
    mapped = train_function_space_many(in_file(tmp_path / "K", K), None, y, descents)
    for a, b in zip(stored, mapped):
        assert torch.allclose(a.coefficients, b.coefficients, rtol=ROUNDING, atol=ROUNDING)
        assert torch.allclose(a.train_outputs, b.train_outputs, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("form", ["full", "diagonal"])
def test_the_forms_with_outputs_are_read_from_files_too(tmp_path, form):
    K = gram(20, c=3)
    K = K if form == "full" else np.ascontiguousarray(K.diagonal(0, 2, 3))
    y, descent = torch.eye(3)[torch.arange(20) % 3], Descent(loss="cross_entropy", batch_size=8, epochs=3)
    stored, mapped = (train_function_space(k, None, y, descent) for k in (K, in_file(tmp_path / "K", K)))
    assert torch.allclose(stored.coefficients, mapped.coefficients, rtol=ROUNDING, atol=ROUNDING)
    test = in_file(tmp_path / "test", np.ascontiguousarray(K[:5]))
    assert torch.allclose(mapped.predict(test), stored.train_outputs[:5], rtol=ROUNDING, atol=ROUNDING)


def test_products_stand_where_their_rows_were_asked_for(tmp_path):
    K = gram(30)
    rows = MappedRows.of(in_file(tmp_path / "K", K), outputs=1)
    index, a = torch.tensor([[7, 3, 29], [0, 0, 8]]), torch.randn(2, 30, 1, 4, dtype=torch.float64)
    rows.expect(index)
    found = rows.product(index, a)
    assert torch.allclose(
        found, torch.from_numpy(K)[index][:, :, None] @ a.transpose(1, 2), rtol=ROUNDING, atol=ROUNDING
    )


@pytest.mark.parametrize("offset", [0, 24, 4096 * 20 + 8])
def test_offsets_and_views_of_a_larger_array_are_found_in_the_file(tmp_path, offset):
    K = gram(12)
    whole = in_file(tmp_path / "K", np.concatenate([np.full((2, 12), 9.0), K]), offset=offset)
    assert reads_its_file(whole[2:])
    a = torch.randn(12, 1, 2, dtype=torch.float64)
    found = MappedRows.of(whole[2:], outputs=1).whole(a)
    assert torch.allclose(found[:, 0], torch.from_numpy(K) @ a[:, 0], rtol=ROUNDING, atol=ROUNDING)


def test_what_was_written_and_not_flushed_is_read(tmp_path):
    K = in_file(tmp_path / "K", np.eye(4), mode="r+")
    K[0, 0] = 5.0
    assert MappedRows.of(K, outputs=1).whole(torch.ones(4, 1, 1)).flatten().tolist() == [5, 1, 1, 1]


def test_arrays_that_are_not_their_file_are_read_through_memory(tmp_path):
    K = in_file(tmp_path / "K", gram(6), mode="c")
    K[0, 0] += 1.0
    assert not reads_its_file(K)
    assert not reads_its_file(in_file(tmp_path / "other", gram(6)).T[:, :3])
    assert not reads_its_file(in_file(tmp_path / "bytes", gram(6).astype(">f8")))
    y, descent = torch.arange(6.0) % 2, Descent(epochs=2)
    stored = train_function_space(np.array(K), None, y, descent)
    assert torch.equal(train_function_space(K, None, y, descent).coefficients, stored.coefficients)


def test_a_file_is_checked_as_memory_is(tmp_path):
    y, descent = torch.arange(30.0) % 2, Descent(epochs=1)
    skew, hole = gram(30), gram(30)
    skew[3, 4] += 1.0
    hole[9, 9] = np.nan
    with pytest.raises(NotSymmetricError):
        train_function_space(in_file(tmp_path / "skew", skew), None, y, descent)
    with pytest.raises(NotFiniteError):
        train_function_space(in_file(tmp_path / "hole", hole), None, y, descent)
    with pytest.raises(ShapeError, match="`K`"):
        train_function_space(in_file(tmp_path / "tall", skew[:, :20]), None, y, descent)
    with pytest.raises(ShapeError, match="`K`"):
        train_function_space(in_file(tmp_path / "wide", gram(30, c=2)), torch.zeros(30, 1), y, descent)


def test_a_file_cut_short_is_named(tmp_path):
    K = in_file(tmp_path / "K", gram(600))
    (tmp_path / "K").write_bytes(b"")
    with pytest.raises(DataError, match="has 0 bytes"):
        MappedRows.of(K, outputs=1)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_gram(tmp_path):
    """A Gram of 256 MB, read three times: once checked, one epoch, and for its outputs."""
    np.lib.format.open_memmap(tmp_path / "K.npy", "w+", np.float32, (8000, 8000))[np.diag_indices(8000)] = 1.0
    program = f"""
        import numpy as np, torch
        from tangentlab.training import Descent, train_function_space_many
        def megabytes():
            return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")) / 1024
        y, descent = [torch.arange(100.0) % 2] * 3, Descent(epochs=1)
        train_function_space_many(torch.eye(100), None, y, descent)
        before = megabytes()
        K = np.load({str(tmp_path / "K.npy")!r}, mmap_mode="r")
        y = [torch.arange(8000.0) % 2] * 3
        states = train_function_space_many(K, None, y, descent, dtype=torch.float32)
        print(megabytes() - before, float(states[0].train_outputs.abs().max()))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    growth, reach = map(float, run.stdout.split())
    assert reach > 0
    assert growth < 140  # three strips of 16 MB, one of 32 MB in float64, and what the allocator keeps
