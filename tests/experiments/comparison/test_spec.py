import pytest

from tangentlab._errors import ArgumentError, UnknownNameError
from tangentlab.data import Data, load
from tangentlab.experiments import ComparisonSpec, resolved, spec_from_toml, spec_to_toml


def test_a_spec_is_what_its_dictionary_says():
    spec = ComparisonSpec.of(networks=["mlp:width=8", "lenet"], samples=[30], seeds=[4, 2], epochs=3, ridge=1e-5)
    assert ComparisonSpec.of(**spec.to_dict()) == spec
    assert spec.seeds == (4, 2)
    assert spec.descent.epochs == 3


@pytest.mark.parametrize(
    "name", ["plain", "quotes \" and 'these'", "back\\slash", "naïve 🜲", "line\nbreak", "\x7f"]
)
def test_toml_round_trip_keeps_every_field(name):
    spec = ComparisonSpec.of(
        networks=[name], learning_rate=1e-5, nesterov=True, tasks=["group:0,2"], data_path="a/b"
    )
    assert spec_from_toml(spec_to_toml(spec)) == spec


def test_leave_one_out_may_choose_the_ridge():
    spec = ComparisonSpec.of(ridge="leave-one-out")
    assert spec_from_toml(spec_to_toml(spec)).ridge == "leave-one-out"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"seeds": 0}, "seed 0 alone is seeds=1"),
        ({"seeds": True}, "seeds"),
        ({"seeds": 2.5}, "seeds"),
        ({"seeds": "two"}, "seeds"),
        ({"seeds": [1, 1]}, "seeds"),
        ({"seeds": [-1]}, "seeds"),
        ({"samples": [1]}, "samples"),
        ({"samples": []}, "samples"),
        ({"samples": ["many"]}, "samples"),
        ({"networks": []}, "networks"),
        ({"test_samples": 0}, "test_samples"),
        ({"ridge": -1.0}, "ridge"),
        ({"ridge": float("nan")}, "ridge"),
        ({"ridge": "much"}, "ridge"),
        ({"threads": 0}, "threads"),
        ({"threads": 100_000}, "threads"),  # more than a process can start
        ({"memory": "0GiB"}, "memory"),
        ({"memory": "plenty"}, "memory"),
        ({"device": "gpu"}, "device"),
        ({"device": "mps"}, "device"),  # it has no float64
        ({"device": 0}, "device"),
        ({"dtype": "float16"}, "dtype"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"descent": {"epoch": 3}}, "epoch"),
        ({"descent": 3}, "descent"),
        ({"learners": []}, "learners"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields, told):
    with pytest.raises(ArgumentError, match=told):
        ComparisonSpec.of(**fields)


def test_an_unknown_learner_is_told_with_the_nearest():
    with pytest.raises(UnknownNameError, match="linear-init"):
        ComparisonSpec.of(learners="linear-int")


def test_several_wrong_fields_are_told_at_once():
    with pytest.raises(ArgumentError, match=r"Check .*threads"):
        ComparisonSpec.of(test_samples=-1, threads=0)


def test_toml_that_is_none_is_refused_with_its_place():
    with pytest.raises(ArgumentError, match=r"mine.toml.*line 1"):
        spec_from_toml("networks = 3 = 4", name="mine.toml")


def test_open_fields_are_filled_for_the_data_and_stay_so():
    digits = load("digits")
    spec = resolved(ComparisonSpec(), digits)
    assert max(spec.samples) + spec.test_samples <= digits.n
    assert resolved(spec, digits) == spec
    assert "random:2" in spec.tasks


def test_small_data_get_small_samples():
    rows = [[float(i)] for i in range(40)]
    data = Data.from_arrays(rows, [i % 3 for i in range(40)], name="small")
    spec = resolved(ComparisonSpec(), data)
    assert spec.tasks == ("classes", "random:3")
    assert max(spec.samples) + spec.test_samples == 40


def test_an_official_split_is_kept():
    rows = [[float(i)] for i in range(40)]
    data = Data.from_arrays(rows, [i % 2 for i in range(40)], name="split", n_train=30)
    spec = resolved(ComparisonSpec(), data)
    assert spec.test_samples == 10
    assert max(spec.samples) == 30
