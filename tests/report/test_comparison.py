import math
from dataclasses import replace

import pytest

from tangentlab.records import Record
from tangentlab.report import Comparison, Setting
from tangentlab.report.comparison import label, reading


def cell(name, **spec):
    spec = {"network": "mlp", "data": "digits", "task": "a", "samples": 100, "seed": 0} | spec
    return Record(fingerprint=name, spec=spec, readings={"learners": {"network": {"test_accuracy": 0.5}}})


def test_a_grid_is_arranged_with_sizes_and_seeds_ascending(records):
    found = Comparison.of(reversed(records))
    assert found.networks == ("fake-lenet", "fake-mlp")
    assert found.sizes == (100, 300, 1000)
    assert found.seeds == (0, 1, 2)
    assert found.learners == ("network", "linear-init", "linear-end", "ridge-init", "ridge-end")
    assert (found.finished, len(found.failed), len(found.settings)) == (51, 3, 18)
    assert set(found.accuracies(Setting("fake-mlp", "fake-group", 1000), "network")) == {0, 2}


def test_the_order_of_the_store_s_spec_is_kept(records):
    spec = {"networks": ["fake-mlp", "fake-lenet"], "tasks": ["fake-random", "fake-group"]}
    found = Comparison.of(records, spec=spec)
    assert found.networks == ("fake-mlp", "fake-lenet")
    assert found.tasks == ("fake-random", "fake-group", "fake-parity")


def test_tasks_are_named_with_their_data_when_there_are_several():
    found = Comparison.of([cell("a"), cell("b", data="mnist")])
    assert found.tasks == ("digits a", "mnist a")
    assert Comparison.of([cell("a")]).tasks == ("a",)


def test_cells_that_would_collide_are_told_apart_by_what_varies():
    found = Comparison.of([cell("a", ridge=0.1, width=8), cell("b", ridge=0.2, width=8)])
    assert found.networks == ("mlp (ridge=0.1)", "mlp (ridge=0.2)")
    assert found.finished == 2


def test_records_of_other_kinds_are_no_cells():
    assert Comparison.of([replace(cell("a"), kind="tile")]).finished == 0


def test_readings_that_are_missing_or_not_finite_are_left_out():
    record = replace(
        cell("a"), readings={"x": {"nan": math.nan, "yes": True, "text": "1", "one": 1, "none": None}}
    )
    found = [reading(record.readings, "x", key) for key in ("nan", "yes", "text", "one", "none", "absent")]
    assert found == [None, None, None, 1.0, None, None]
    assert reading(record.readings, "x", "one", "deeper") is None


def test_the_resolution_is_one_test_row():
    setting = Setting("mlp", "a", 100)
    assert Comparison.of([cell("a", test_samples=250)]).resolution(setting) == 1 / 250
    assert Comparison.of([cell("a")]).resolution(setting) == 1e-3


@pytest.mark.parametrize(
    ("value", "name"), [("mlp", "mlp"), (3, "3"), ([1, 2], "[1,2]"), ({"name": "mlp"}, "mlp"), (None, "none")]
)
def test_any_value_of_a_spec_has_a_short_name(value, name):
    assert label(value) == name
