import hashlib

import numpy as np
import pytest

from tangentlab._errors import DamagedRecordError
from tangentlab.records import Record
from tangentlab.records.layout import pack_arrays, read_arrays, read_record
from tangentlab.records.sealed import seal


def test_packing_the_same_arrays_twice_gives_the_same_bytes():
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array([True])}
    assert pack_arrays(arrays) == pack_arrays(arrays)


@pytest.mark.parametrize("content", [[], {}, {"fingerprint": "a"}, "text", 3])
def test_a_sealed_document_that_is_no_record_is_damage(tmp_path, content):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "a.json").write_bytes(seal("record", content))
    with pytest.raises(DamagedRecordError, match="does not hold a record"):
        read_record(tmp_path, "a")


def test_arrays_other_than_those_of_the_record_are_damage(tmp_path):
    for name in ("records", "arrays"):
        (tmp_path / name).mkdir()
    packed = pack_arrays({"k": np.ones(2)})

    digest = hashlib.sha256(packed).hexdigest()
    record = Record(fingerprint="a", spec={}, arrays={"k": "0" * 64})
    (tmp_path / "records" / "a.json").write_bytes(seal("record", record.to_json(), arrays_sha256=digest))
    (tmp_path / "arrays" / f"a.{digest[:16]}.npz").write_bytes(packed)
    with pytest.raises(DamagedRecordError, match="not those of the record"):
        read_arrays(tmp_path, "a")
