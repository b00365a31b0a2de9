"""A tile as a file: whole under its name or not there, and every damage seen."""

import numpy as np
import pytest
import torch

from tangentlab.kernels.tile_file import TileRoom, write_tile_file


def tile(rows, columns, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_a_file_holds_the_numbers_as_they_lie_and_a_checksum_of_four_bytes(tmp_path):
    write_tile_file(tmp_path / "0" / "0", tile(3, 3), step=3)
    content = (tmp_path / "0" / "0").read_bytes()
    assert content[:-4] == tile(3, 3).numpy().astype("<f4").tobytes() and len(content) == 40
    assert [path.name for path in (tmp_path / "0").iterdir()] == ["0"]  # nothing is left beside it


def test_the_checksum_is_the_standard_one(tmp_path):
    digits = torch.from_numpy(np.frombuffer(b"12345678" * 2, dtype=np.float32).copy().reshape(2, 2))
    write_tile_file(tmp_path / "t", digits, step=2)
    assert (tmp_path / "t").read_bytes()[-4:] == crc32c(b"12345678" * 2).to_bytes(4, "little")
    assert crc32c(b"123456789") == 0xE3069283  # the check value of its catalogue entry


def crc32c(content):
    """Castagnoli's polynomial, bit by bit."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_are_read_into_one_room(tmp_path, dtype):
    room = TileRoom.of(3, dtype=dtype)
    for seed in range(2):
        values = tile(3, 3, seed).to(getattr(torch, dtype))
        write_tile_file(tmp_path / "t", values, step=3)
        read = room.read(tmp_path / "t")
        assert torch.equal(read, values) and read.data_ptr() == room.numbers.ctypes.data


def test_what_is_missing_at_an_edge_is_nan(tmp_path):
    write_tile_file(tmp_path / "t", tile(2, 1), step=3)
    read = TileRoom.of(3, dtype="float32").read(tmp_path / "t")
    assert torch.equal(read[:2, :1], tile(2, 1)) and int(read.isnan().sum()) == 7


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"\1" + b[1:], lambda b: b""])
def test_damage_is_seen(tmp_path, change):
    write_tile_file(tmp_path / "t", tile(3, 3), step=3)
    (tmp_path / "t").write_bytes(change((tmp_path / "t").read_bytes()))
    assert TileRoom.of(3, dtype="float32").read(tmp_path / "t") is None


def test_a_tile_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path):
    (tmp_path / "t").mkdir()
    with pytest.raises(OSError, match="t"):
        write_tile_file(tmp_path / "t", tile(3, 3), step=3)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
