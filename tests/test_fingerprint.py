import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from tangentlab._fingerprint import array_digest, canonical_json, fingerprint


def test_order_of_keys_and_kind_of_sequence_do_not_matter_and_everything_else_does():
    value = {"network": "mlp", "samples": [100, 300], "ridge": 1e-3}
    assert fingerprint(value) == fingerprint({"ridge": 1e-3, "samples": (100, 300), "network": "mlp"})
    others = [{**value, "samples": [300, 100]}, {**value, "ridge": 1e-4}, {**value, "seed": None}, [value]]
    assert len({fingerprint(each) for each in (value, *others)}) == 5


def test_a_fingerprint_is_the_same_in_every_version_for_records_are_named_by_it():
    value = {"network": "mlp", "samples": 300, "ridge": 1e-3, "name": "é"}
    text = '{"name":"\\u00e9","network":"mlp","ridge":0.001,"samples":300}'
    assert canonical_json(value) == text
    assert fingerprint(value, length=64) == hashlib.sha256(text.encode()).hexdigest()


def test_scalars_of_numpy_sets_and_paths_are_plain():
    value = {"n": np.int64(3), "x": np.float64(0.5), "names": {"b", "a"}, "at": Path("runs") / "a"}
    assert canonical_json(value) == '{"at":"runs/a","n":3,"names":["a","b"],"x":0.5}'


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
def test_an_array_is_its_dtype_shape_and_bytes_and_not_how_it_lies_in_memory(make):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    others = [x.reshape(3, 2), x.astype(np.float64), x + 1, x.view(np.int32), x[:0], x[0, :1], x[0, 0]]
    assert len({array_digest(make(each)) for each in (x, *others)}) == 8
    assert array_digest(make(x.T).T) == array_digest(make(np.asfortranarray(x))) == array_digest(make(x))
    assert canonical_json({"x": make(x)}) == canonical_json({"x": make(x.copy())})


def test_half_precision_and_gradients_are_taken():
    x = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    assert array_digest(x) == array_digest(x.detach()) != array_digest(x.detach().half())


@pytest.mark.parametrize(
    ("value", "error"), [(float("nan"), ValueError), (float("inf"), ValueError), (len, TypeError)]
)
def test_what_has_no_identity_is_refused(value, error):
    with pytest.raises(error):
        fingerprint({"x": value})
