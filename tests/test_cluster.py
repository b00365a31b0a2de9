"""Units on a real Dask cluster of two processes: each is done, whoever dies; what is wrong is told in a sentence."""

import operator
import os
import signal
import sys
import threading

import pytest
from distributed import Client, LocalCluster

from tangentlab._cluster import ATTEMPTS, ENDED, LOST, RETRIED, STARTED, Cluster, Waiting, connected
from tangentlab._errors import ArgumentError, MissingExtraError, TangentlabError


def outcome(cluster, units, **options):
    seen = []
    cluster.run(units, told=lambda *event: seen.append(event), **options)
    return seen


def test_every_unit_is_done_with_what_all_share_and_nothing_stays(two):
    with connected(two) as cluster:
        assert list(cluster.workers().values()) == [True, True]
        seen = outcome(cluster, range(20), function=operator.add, shared=100)
        left = cluster.client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.worker_plugins))
    assert {unit: answer for kind, unit, answer in seen if kind == ENDED} == {i: 100 + i for i in range(20)}
    assert [kind for kind, *_ in seen].count(STARTED) == 20
    assert not any(name.startswith("tangentlab") for name in left)


def test_what_a_killed_run_left_is_taken_away_by_the_next(two):
    with connected(two) as cluster, Client(two, set_as_default=False) as killed:
        from tangentlab import __version__
        from tangentlab._cluster.worker import SharedPlugin

        name = f"tangentlab {killed.id} 0"
        killed.register_plugin(SharedPlugin(1, __version__), name=name)
        outcome(cluster, [1], function=operator.add, shared=1)
        assert name in cluster.client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.worker_plugins))
        killed.close()
        outcome(cluster, [1], function=operator.add, shared=1)
        left = cluster.client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.worker_plugins))
    assert name not in left


def test_stop_lets_begun_units_finish_and_begins_no_more(two):
    seen = []
    with connected(two) as cluster:
        cluster.run(
            range(50),
            function=operator.add,
            shared=0,
            told=lambda *event: seen.append(event[0]),
            stop=lambda: ENDED in seen,
        )
    assert seen.count(STARTED) == seen.count(ENDED) < 10


def test_units_that_choose_their_worker_go_to_it(two):
    with connected(two) as cluster:
        first, second = cluster.workers()
        waiting = Mine({first: [1, 2, 3], second: [4, 5, 6]})
        seen = outcome(cluster, waiting, function=operator.add, shared=0)
    assert sorted(answer for kind, _, answer in seen if kind == ENDED) == [1, 2, 3, 4, 5, 6]
    assert (waiting.taken[first][0], waiting.taken[second][0]) == (1, 4)


class Mine(Waiting):
    """Each worker's own first, then what the other has left."""

    def __init__(self, units):
        self.units, self.taken = {w: list(u) for w, u in units.items()}, {w: [] for w in units}

    def __len__(self):
        return sum(map(len, self.units.values()))

    def take(self, worker):
        own = self.units[worker] or next(filter(None, self.units.values()))
        self.taken[worker].append(unit := own.pop(0))
        return unit

    def put_back(self, unit):
        raise AssertionError("nobody died")


def test_what_a_unit_raises_ends_the_run(two):
    with connected(two) as cluster, pytest.raises(TangentlabError, match="ZeroDivisionError: ") as caught:
        outcome(cluster, [1, 2], function=operator.truediv, shared=0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.slow
def test_a_unit_that_kills_its_workers_is_given_up_and_the_others_are_done(two):
    with connected(two) as cluster:
        seen = outcome(
            cluster, [Suicide(), *map(Sum, range(4))], function=operator.lshift, shared=int(signal.SIGKILL)
        )
    deadly = [kind for kind, unit, _ in seen if isinstance(unit, Suicide)]
    assert deadly.count(RETRIED) == ATTEMPTS - 1
    assert deadly[-1] == LOST
    assert [kind for kind, unit, _ in seen if isinstance(unit, Sum)].count(ENDED) == 4


class Suicide:
    def __lshift__(self, signal):
        os.kill(os.getpid(), signal)


class Sum(int):
    pass


@pytest.mark.slow
def test_a_unit_that_was_done_before_its_worker_died_is_not_done_again(two):
    with connected(two) as cluster:
        seen = outcome(
            cluster,
            [Suicide()],
            function=operator.lshift,
            shared=int(signal.SIGKILL),
            settled=lambda unit: "there",
        )
    assert [kind for kind, *_ in seen] == [STARTED, ENDED]
    assert seen[-1][2] == "there"


ABSENT = [
    "tcp://127.0.0.1:9",
    "nothing",
    "carrier-pigeon://here",
    "no/such/file.json",
    "tcp://here",
    "127.0.0.1:9",
]


@pytest.mark.parametrize("address", [*ABSENT, "tcp://no.such.host.invalid:8786"])
def test_a_scheduler_that_does_not_answer_is_told_with_a_remedy(address, monkeypatch):
    monkeypatch.setattr("tangentlab._cluster.cluster.CONNECT", 0.5)
    with pytest.raises(ArgumentError, match="dask scheduler"), connected(address):
        pass


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"tangentlab\[dask\]"), connected("tcp://127.0.0.1:9"):
        pass


def test_a_scheduler_without_workers_is_waited_for_and_then_told():
    with (
        LocalCluster(
            n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as none,
        Client(none, set_as_default=False) as client,
        pytest.raises(TangentlabError, match="dask worker tcp://"),
    ):
        Cluster(client, none.scheduler_address, patience=0.3).workers()


@pytest.mark.slow
def test_a_scheduler_that_goes_is_told():
    started = LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with (
        started,
        connected(started.scheduler_address) as cluster,
        pytest.raises(TangentlabError, match="does not answer any more"),
    ):
        cluster.run(
            range(100), function=operator.add, shared=0, told=lambda kind, *_: kind == ENDED and started.close()
        )


def test_another_version_of_tangentlab_on_a_worker_is_refused(two, monkeypatch):
    monkeypatch.setattr("tangentlab._cluster.cluster.__version__", "0.0.0")
    with connected(two) as cluster, pytest.raises(TangentlabError, match="environment"):
        outcome(cluster, [1], function=operator.add, shared=0)


def test_what_cannot_be_sent_is_told(two):
    with connected(two) as cluster, pytest.raises(ArgumentError, match="cannot be sent"):
        outcome(cluster, [1], function=operator.add, shared=threading.Lock())
