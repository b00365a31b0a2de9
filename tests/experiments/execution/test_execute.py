"""Grids run here and on workers: what is finished stays, what fails is kept apart, and no worker is left."""

import signal

import pytest
import torch

from tangentlab._errors import ArgumentError, DamagedRecordError
from tangentlab.experiments import Event, Forecast, Run, Sources, execute, plan, runnable
from tangentlab.experiments.execution.supervisor import ATTEMPTS, Supervisor


def test_workers_and_this_process_find_the_same(tmp_path, small):
    here, there = (Run.start(small(seeds=3), tmp_path / name, sources=Sources("digits")) for name in ("a", "b"))
    assert here.execute(jobs=1).done == there.execute(jobs=2).done == 3
    ours, theirs = ({r.fingerprint: r.readings for r in run.store.records()} for run in (here, there))
    assert ours == theirs


def test_what_is_finished_is_not_computed_again(tmp_path, small):
    run = Run.start(small(seeds=2), tmp_path / "run", sources=Sources("digits"))
    assert run.execute(stop=iter([False, True]).__next__).left == 1
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "records").iterdir()}
    outcome = Run.resume(tmp_path / "run").execute()
    assert (outcome.done, outcome.kept) == (1, 1)
    assert all((tmp_path / "run" / "records" / name).stat().st_mtime_ns == time for name, time in kept.items())


def test_one_failing_cell_does_not_end_the_grid(tmp_path, own_network, small):
    name = own_network("fails_once", "fails once")
    run = Run.start(small(networks=name, seeds=3), tmp_path / "run", sources=Sources("digits"))
    outcome = run.execute()
    assert (outcome.done, outcome.failed) == (2, 1)
    (failed,) = [record for record in run.store.records() if not record.done]
    assert "not with this seed" in failed.error["message"]
    assert "RuntimeError" in failed.error["log"]
    assert run.store.log_path(failed.fingerprint).exists()
    assert run.unfinished == (next(c for c in run.cells if c.seed == 1),)


@pytest.mark.parametrize(
    ("deaths", "done"), [pytest.param(ATTEMPTS - 1, 3, marks=pytest.mark.slow), (ATTEMPTS, 2)]
)
def test_a_worker_that_is_killed_is_replaced_and_its_cell_tried_again(tmp_path, own_network, deaths, done, small):
    name = own_network(f"dies_{deaths}", "dies", deaths=deaths)
    run = Run.start(small(networks=name, seeds=3), tmp_path / "run", sources=Sources("digits"))
    seen = []
    outcome = run.execute(jobs=2, report=seen.append)
    assert outcome.done == done
    assert outcome.failed == 3 - done
    assert sum(event.kind == "retried" for event in seen) == ATTEMPTS - 1
    for record in run.store.records():
        if not record.done:
            assert f"signal {int(signal.SIGKILL)}" in record.error["message"]
            assert "about to die" in record.error["log"]


def test_a_failed_cell_is_tried_again_on_resume(tmp_path, own_network, small):
    name = own_network("mended", "fails once")
    run = Run.start(small(networks=name, seeds=2), tmp_path / "run", sources=Sources("digits"))
    assert run.execute().failed == 1
    assert [cell.seed for cell in run.unfinished] == [1]
    assert run.execute().failed == 1


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_stop_lets_begun_cells_finish_and_begins_no_more(tmp_path, jobs, small):
    run = Run.start(small(seeds=6), tmp_path / "run", sources=Sources("digits"))
    started, ended = [], []

    def report(event):
        {"started": started, "done": ended}[event.kind].append(event)

    outcome = run.execute(jobs=jobs, report=report, stop=lambda: bool(ended))
    assert len(started) == len(ended) == outcome.done
    assert outcome.left == 6 - outcome.done > 0


def test_no_worker_is_left_when_the_grid_is_broken_off(tmp_path, small):
    run = Run.start(small(seeds=4), tmp_path / "run", sources=Sources("digits"))

    def report(event):
        raise KeyboardInterrupt

    supervisor = Supervisor(run.store, run.sources, 2, 1, report, lambda: False)
    with pytest.raises(KeyboardInterrupt), supervisor:
        supervisor.run(run.cells)
    workers = supervisor.workers
    assert len(workers) == 2
    assert not any(worker.process.is_alive() for worker in workers)


def test_a_damaged_record_is_neither_used_nor_overwritten(tmp_path, small):
    run = Run.start(small(seeds=1), tmp_path / "run", sources=Sources("digits"))
    run.execute()
    (path,) = (tmp_path / "run" / "records").iterdir()
    path.write_text(path.read_text().replace("0", "1", 1))
    with pytest.raises(DamagedRecordError, match="check"):
        run.execute()


@pytest.mark.parametrize("jobs", [0, -1, True, 1.5])
def test_jobs_are_a_positive_number(tmp_path, jobs, small):
    cells = runnable(plan(small(seeds=1), Sources("digits")))
    with pytest.raises(ArgumentError, match="jobs"):
        execute(cells, store=None, sources=Sources("digits"), jobs=jobs)


def test_what_cannot_be_sent_to_a_worker_is_told_before_one_starts(tmp_path, small):
    sources = Sources(
        "digits", networks={"local": lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))}
    )
    run = Run.start(small(networks="local", seeds=1), tmp_path / "run", sources=sources)
    with pytest.raises(ArgumentError, match="jobs=1"):
        run.execute(jobs=2)


def test_threads_are_as_before_afterwards(tmp_path, small):
    before = torch.get_num_threads()
    Run.start(small(seeds=1), tmp_path / "run", sources=Sources("digits")).execute()
    assert torch.get_num_threads() == before


def test_the_forecast_learns_the_rate_of_each_network(small):
    cells = runnable(plan(small(networks=["mlp", "lenet"], seeds=3), Sources("digits")))
    forecast = Forecast(cells, jobs=1)
    slow, fast = (next(c for c in cells if c.network == name) for name in ("lenet", "mlp"))
    for cell, seconds in ((fast, 1.0), (slow, 9.0)):
        forecast.note(Event("started", cell), now=0.0)
        forecast.note(Event("done", cell), now=seconds)
    assert forecast.seconds_left == pytest.approx(2 * 1.0 + 2 * 9.0)
    assert (forecast.done, forecast.total) == (2, 6)
