import dataclasses
import enum
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tangentlab._errors import ArgumentError
from tangentlab.records import Record

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_a_record_survives_the_way_to_json_and_back(readings):
    record = Record(fingerprint="a", spec={}, readings=readings)
    text = json.dumps(record.to_json(), allow_nan=False)
    assert Record.from_json(json.loads(text)) == record


def test_not_a_number_survives_the_way_to_standard_json_and_back():
    record = Record(fingerprint="a", spec={}, readings={"loss": [math.nan, math.inf, -math.inf]})
    again = Record.from_json(json.loads(json.dumps(record.to_json(), allow_nan=False)))
    assert math.isnan(again.readings["loss"][0])
    assert again.readings["loss"][1:] == [math.inf, -math.inf]


def test_tuples_numpy_scalars_and_enumerations_become_plain_values():
    class Loss(enum.StrEnum):
        BCE = "bce"

    spec = {
        "classes": ("a", "b"),
        "n": np.int64(3),
        "rate": np.float64(0.5),
        "on": np.bool_(True),
        "loss": Loss.BCE,
    }
    plain = Record(fingerprint="a", spec=spec).spec
    assert plain == {"classes": ["a", "b"], "n": 3, "rate": 0.5, "on": True, "loss": "bce"}
    assert [type(v) for v in plain.values()] == [list, int, float, bool, str]


def test_a_key_that_looks_like_our_mark_for_infinity_survives_too():
    record = Record(fingerprint="a", spec={}, readings={"x": {"$float": "abc"}, "y": {"$float": [{"$float": 1}]}})
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"fingerprint": "../a"}, "fingerprint"),
        ({"status": "running"}, "status"),
        ({"status": "failed"}, "error"),
        ({"error": {"message": "m", "remedy": "r"}}, "error"),
        ({"status": "failed", "error": {"message": "m"}}, "error"),
        ({"readings": {"kernel": np.zeros(3)}}, "readings.kernel"),
        ({"readings": {1: 2}}, "readings"),
        ({"readings": [1]}, "readings"),
        ({"arrays": {"../k": "0"}}, "arrays"),
    ],
)
def test_what_is_no_record_is_refused_by_the_name_of_the_field(wrong, named):
    with pytest.raises(ArgumentError, match=named):
        Record(**({"fingerprint": "a", "spec": {}} | wrong))


def test_unknown_and_missing_fields_are_refused():
    whole = Record(fingerprint="a", spec={}).to_json()
    for wrong in (whole | {"colour": 1}, {k: v for k, v in whole.items() if k != "spec"}):
        with pytest.raises(ArgumentError, match="fields of a record"):
            Record.from_json(wrong)


def test_a_record_is_frozen_and_crosses_process_borders():
    record = Record(fingerprint="a", spec={"seed": 0})
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.status = "failed"
    assert pickle.loads(pickle.dumps(record)) == record
