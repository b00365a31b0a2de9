"""A study runs through the runner of compare: settings are checked, units resume, claims come from records alone."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import tangentlab as tl
from tangentlab._errors import ArgumentError, NetworkError, StoreError, UnknownNameError
from tangentlab.experiments import SCALES, STUDIES, Sources, StudyResults, StudyRun, named_sources
from tangentlab.records import Store
from tangentlab.report import CLAIMS, judge

SMALL = {"data": "digits", "networks": ["mlp:width=8"], "samples": 60, "seeds": 3}


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_every_study_says_what_it_claims_and_what_would_refute_it(name):
    study = STUDIES[name]
    for words in (study.title, study.source, study.hypothesis, study.statistic, study.refuted_by):
        assert len(words) > 10
    assert set(study.scales) == set(SCALES)
    assert set(study.claims) == {claim.id for claim in CLAIMS if claim.study == name}


@pytest.mark.parametrize("name", sorted(STUDIES))
@pytest.mark.parametrize("scale", SCALES)
def test_units_of_every_scale_are_plain_and_distinct(name, scale):
    units = list(STUDIES[name].units(STUDIES[name].settings(scale)))
    told = [json.dumps(unit, sort_keys=True) for unit in units]
    assert len(set(told)) == len(told) > 0
    assert all("networks" not in unit and "seeds" not in unit for unit in units)


def test_every_claim_belongs_to_a_study_and_has_a_name_of_its_own():
    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    assert {claim.study for claim in CLAIMS} <= set(STUDIES)


def test_a_resumed_study_computes_only_what_is_missing(tmp_path):
    study = STUDIES["spectrum"]
    settings = study.settings("small", **SMALL)
    run = StudyRun.start(study, tmp_path / "run", settings=settings, sources=named_sources(settings))
    assert run.execute().done == 3
    kept = run.store.records()[1]
    (run.store.path / "records" / f"{kept.fingerprint}.json").unlink()
    resumed = StudyRun.resume(tmp_path / "run")
    assert [unit.fingerprint for unit in resumed.unfinished] == [kept.fingerprint]
    assert resumed.execute().kept == 2
    assert {r.fingerprint: r.readings for r in resumed.store.records()}[kept.fingerprint] == kept.readings


def test_workers_find_what_one_process_finds(tmp_path):
    alone, together = (tl.study("spectrum", out=tmp_path / str(j), jobs=j, **SMALL) for j in (1, 2))
    assert [r.readings["eigenvalues"] for r in alone.records] == [
        r.readings["eigenvalues"] for r in together.records
    ]


def test_a_module_and_arrays_of_ones_own_run_through_a_study():
    rows = np.random.default_rng(0).normal(size=(80, 3, 4)).astype(np.float32)
    labels = (rows[:, 0, 0] > 0).astype(int)

    def build():
        return nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.GELU(), nn.Linear(16, 1))

    torch.manual_seed(0)
    found = tl.study("spectrum", {"mine": build}, data=(rows, labels), samples=60, seeds=3)
    assert not found.failed
    assert {r.spec["network"] for r in found.records} == {"mine"}
    assert found.claims[0].data == "arrays"
    assert "<b>" in found._repr_html_()


def test_the_page_of_a_study_leads_with_its_claims(tmp_path):
    found = tl.study("spectrum", out=tmp_path / "run", **SMALL)
    page = found.report().read_text()
    assert "A1 " in page
    assert found.headline in page
    again = StudyResults.of(tmp_path / "run")
    assert again.headline == found.headline
    assert len(again.rows()) == 3
    assert list(again.to_pandas().columns) == again.to_polars().columns == list(again.rows()[0])


def test_settings_of_a_study_are_checked_before_anything_runs():
    with pytest.raises(ArgumentError, match="epochz"):
        tl.study("spectrum", epochz=3)
    with pytest.raises(ArgumentError, match="samples"):
        tl.study("spectrum", samples="many")
    with pytest.raises(UnknownNameError, match="scale"):
        tl.study("spectrum", scale="tiny")
    with pytest.raises(UnknownNameError, match="spectrun"):
        tl.study("spectrun")
    with pytest.raises(UnknownNameError, match="Did you mean 'mlp'"):
        tl.study("spectrum", ["lenet", "mlpp"], data="digits")
    with pytest.raises(UnknownNameError, match="Did you mean 'width'"):
        tl.study("spectrum", "mlp:widht=3", data="digits")


def test_a_store_of_another_study_or_of_a_comparison_is_not_taken(tmp_path):
    tl.study("spectrum", out=tmp_path / "run", **SMALL)
    with pytest.raises(StoreError, match="already holds"):
        tl.study("spectrum", out=tmp_path / "run", **(SMALL | {"samples": 50}))
    Store.create(tmp_path / "other", {"seeds": 1})
    with pytest.raises(StoreError, match="does not hold a study"):
        StudyRun.resume(tmp_path / "other")


def test_a_study_of_another_version_or_of_things_without_a_name_is_not_resumed(tmp_path, monkeypatch):
    given = StudyRun.start(
        STUDIES["spectrum"],
        tmp_path / "given",
        settings=STUDIES["spectrum"].settings("small", **SMALL | {"networks": ["mine"]}),
        sources=Sources("digits", networks={"mine": torch.nn.Sequential(nn.Flatten(), nn.Linear(64, 1))}),
    )
    with pytest.raises(StoreError, match="its own networks.*tangentlab.study again"):
        StudyRun.resume(given.store.path)
    tl.study("spectrum", out=tmp_path / "run", **SMALL)
    monkeypatch.setattr("tangentlab.experiments.run.resumable.__version__", "99.0")
    with pytest.raises(StoreError, match="this is 99.0.*`tangentlab run spectrum --scale small --out`"):
        StudyRun.resume(tmp_path / "run")


def test_where_every_unit_failed_the_headline_says_why():
    rows = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    found = tl.study("exact", ["mlp:width=4"], data=(rows, np.zeros(40, dtype=int)), samples=20, test_samples=5)
    assert len(found.failed) == 1
    assert found.headline.startswith("Nothing has finished: 1 unit failed.")
    assert "one class" in found.headline and "one class" in repr(found)


def test_data_too_small_for_a_study_are_taken_whole_with_a_warning():
    found = tl.study("spectrum", **(SMALL | {"samples": 100_000, "seeds": 1}))
    assert any("100,000 were asked for" in told for told in found.records[0].readings["warnings"])
    assert found.records[0].readings["rows"] < 1797


def test_claims_of_no_records_are_all_listed_as_open():
    judged = judge([])
    assert [each.claim.id for each in judged] == [claim.id for claim in CLAIMS]
    assert {each.verdict for each in judged} == {"cannot tell"}
    assert all(each.command.startswith("tangentlab run ") for each in judged)


FAULTY = """
import torch
def fails():
    raise RuntimeError("not today")
def three():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
def narrow():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(5, 1))
"""


@pytest.mark.parametrize(
    ("network", "error", "told"),
    [
        ("no_such_module:build", ArgumentError, "can be imported.*No module named"),
        ("faulty_nets:fail", ArgumentError, "Did you mean 'fails'"),
        ("faulty_nets:fails", NetworkError, "failed .RuntimeError: not today"),
        ("faulty_nets:three", NetworkError, "has 3 outputs, and its task asks for 1"),
        ("faulty_nets:narrow", NetworkError, "forward pass of Sequential failed"),
    ],
)
def test_a_network_of_ones_own_that_no_unit_can_have_is_refused_before_any(
    tmp_path, monkeypatch, network, error, told
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "faulty_nets.py").write_text(FAULTY)
    with pytest.raises(error, match=told):
        tl.study("exact", ["mlp:width=4", network], data="digits", seeds=2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_network_that_some_seed_builds_or_of_as_many_outputs_as_its_task_is_not_refused():
    def moody(seed, outputs):
        if seed == 0:
            raise RuntimeError("not with this seed")
        return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))

    found = tl.study("spectrum", {"mine": moody}, data="digits", samples=20, seeds=2)
    assert (len(found.records), len(found.failed)) == (2, 1)
    three = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    assert not tl.study("spectrum", {"mine": three}, data="digits", samples=20, seeds=1).failed
    of_three = {
        "data": "digits",
        "samples": 60,
        "seeds": 1,
        "epochs": 1,
        "tasks": ["random:3", "group:0-2/3-5/6-9"],
    }
    assert not tl.study("calibration", {"mine": three}, **of_three).failed


@pytest.mark.parametrize("seeds", [0, -1, [], True, 1.5])
def test_a_number_of_seeds_is_positive(seeds):
    with pytest.raises(ArgumentError, match="`seeds`"):
        tl.study("spectrum", data="digits", seeds=seeds)


def test_seeds_are_how_many_or_which():
    settings = STUDIES["spectrum"].settings
    assert settings("small", seeds=2)["seeds"] == [0, 1] and settings("small", seeds=[0])["seeds"] == [0]


def test_sides_of_a_shape_may_be_alike():
    study = STUDIES["directions"]
    settings = study.settings("small", shape=[1, 8, 8])
    assert settings["shape"] == [1, 8, 8] and study.work(settings).shape == (1, 8, 8)
