"""Grids on a real Dask cluster of two processes: the same records as here, whatever happens to a worker."""

import os
import signal
import sys

import pytest
import torch
from typer.testing import CliRunner

from tangentlab._cluster import ATTEMPTS
from tangentlab._errors import ArgumentError, StoreError
from tangentlab.cli.app import app
from tangentlab.experiments import Run, Sources, compare
from tangentlab.experiments.execution.cluster import Grid


def test_a_cluster_and_this_process_find_the_same(tmp_path, two, small):
    here, there = (Run.start(small(seeds=2), tmp_path / name, sources=Sources("digits")) for name in ("a", "b"))
    assert here.execute().done == 2
    seen = []
    outcome = there.execute(scheduler=two.scheduler_address, report=seen.append)
    assert (outcome.done, outcome.failed, outcome.left) == (2, 0, 0)
    ours, theirs = ({r.fingerprint: r.readings for r in run.store.records()} for run in (here, there))
    assert ours == theirs
    assert sorted(event.kind for event in seen) == ["done"] * 2 + ["started"] * 2
    assert there.execute(scheduler="tcp://127.0.0.1:9").kept == 2  # nothing to do, so nobody is asked


@pytest.mark.slow
@pytest.mark.parametrize("deaths", [ATTEMPTS - 1, ATTEMPTS])
def test_a_cell_whose_worker_is_killed_is_tried_on_another_and_nothing_is_lost(
    tmp_path, own_network, two, deaths, small
):
    name = own_network(f"dies_there_{deaths}", "dies", deaths=deaths)
    run = Run.start(small(networks=name, seeds=5), tmp_path / "run", sources=Sources("digits"))
    seen = []
    outcome = run.execute(scheduler=two, report=seen.append)
    lost = int(deaths == ATTEMPTS)
    assert (outcome.done, outcome.failed) == (5 - lost, lost)
    assert [event.kind for event in seen].count("retried") == ATTEMPTS - 1
    for record in run.store.records():
        if not record.done:
            assert f"died {ATTEMPTS} times" in record.error["message"]
            assert "about to die" in record.error["log"]


@pytest.mark.slow
def test_a_worker_killed_on_the_way_costs_nothing_but_time(tmp_path, two, small):
    run = Run.start(small(seeds=6, samples=200, epochs=20), tmp_path / "run", sources=Sources("digits"))
    victims = [next(iter(two.workers.values())).pid]
    seen = []

    def report(event):
        seen.append(event.kind)
        if seen.count("started") == 3 and victims:
            os.kill(victims.pop(), signal.SIGKILL)

    outcome = run.execute(scheduler=two, report=report)
    assert not victims
    assert "retried" in seen
    assert (outcome.done, outcome.failed, outcome.left) == (6, 0, 0)
    whole = Run.start(small(seeds=6, samples=200, epochs=20), tmp_path / "whole", sources=Sources("digits"))
    whole.execute()
    ours, theirs = ({r.fingerprint: r.readings for r in each.store.records()} for each in (run, whole))
    assert ours == theirs


@pytest.mark.slow
def test_one_failing_cell_does_not_end_the_grid_nor_change_its_exit_code(tmp_path, own_network, two, monkeypatch):
    name = own_network("fails_once_there", "fails once")
    monkeypatch.chdir(tmp_path)
    command = ["compare", "--network", name, "--task", "group:0-4", "--samples", "20", "--test-samples", "20"]
    command += ["--seeds", "3", "--epochs", "1", "--out", "run", "--scheduler", two.scheduler_address]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 3, result.output
    assert "on 2 workers of tcp://127.0.0.1" in result.output
    assert "not with this seed" in result.output
    assert CliRunner().invoke(app, ["resume", "run", "--scheduler", two.scheduler_address]).exit_code == 3


@pytest.mark.slow
def test_networks_and_data_of_ones_own_are_sent_by_value(tmp_path, two):
    x, y = torch.randn(60, 5, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2
    model = torch.nn.Linear(5, 1)
    given = {"data": (x, y), "samples": 20, "test_samples": 20, "seeds": 2, "descent": {"epochs": 1}}
    here = compare({"line": model}, "group:0", out=tmp_path / "here", **given)
    there = compare({"line": model}, "group:0", out=tmp_path / "there", scheduler=two, **given)
    assert [row["test_loss"] for row in here.rows()] == [row["test_loss"] for row in there.rows()]


def test_a_store_that_workers_do_not_see_is_told(tmp_path):
    with pytest.raises(StoreError, match="all workers share"):
        Grid(tmp_path / "elsewhere", "run", Sources("digits"), tuple(sys.path)).store()


def test_without_a_folder_to_share_a_scheduler_is_refused():
    with pytest.raises(ArgumentError, match="shared file system"):
        compare("mlp", "group:0-4", scheduler="tcp://127.0.0.1:9")


def test_a_scheduler_that_is_not_there_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("tangentlab._cluster.cluster.CONNECT", 0.3)
    command = ["compare", "--network", "mlp", "--task", "group:0-4", "--samples", "20", "--seeds", "1"]
    result = CliRunner().invoke(
        app, [*command, "--out", str(tmp_path / "run"), "--scheduler", "tcp://127.0.0.1:9"]
    )
    assert isinstance(result.exception, ArgumentError)
    assert "dask scheduler" in str(result.exception)
    both = CliRunner().invoke(app, [*command, "--scheduler", "tcp://127.0.0.1:9", "-j", "2"])
    assert "--scheduler" in str(both.exception)
