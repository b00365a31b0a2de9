from pathlib import Path

import pytest

from tangentlab._errors import DamagedRecordError
from tangentlab.records.sealed import seal, unseal

FILE, STORE = Path("run/records/a.json"), Path("run")


def opened(data):
    return unseal("record", data, path=FILE, store=STORE)


def test_what_was_sealed_comes_back():
    assert opened(seal("record", {"x": [1.5, "é", None]}, more=2)) == {
        "record": {"x": [1.5, "é", None]},
        "more": 2,
    }


def test_every_single_flipped_bit_is_noticed():
    data = seal("record", {"rate": 1e-5, "big": 1e30, "name": "é\n", "flag": True, "list": [1, 2]}, more="ab12")
    for position in range(8 * len(data)):
        broken = bytearray(data)
        broken[position // 8] ^= 1 << position % 8
        with pytest.raises(DamagedRecordError, match=r"run/records/a\.json is damaged"):
            opened(bytes(broken))


def test_every_truncation_and_addition_is_noticed():
    data = seal("record", {"x": 1})
    for broken in [data[:k] for k in range(len(data))] + [data + b" ", data + data, b"[]", b"null", b"{}"]:
        with pytest.raises(DamagedRecordError, match="--repair"):
            opened(broken)


def test_a_document_of_another_name_is_refused():
    with pytest.raises(DamagedRecordError):
        opened(seal("spec", {"x": 1}))
