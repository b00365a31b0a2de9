"""Runs that are killed, stopped and resumed: nothing finished is lost or computed again, and nothing runs on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tangentlab

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")

GRID = [
    "--network",
    "mlp,lenet",
    "--task",
    "group:0-4,random:2",
    "--test-samples",
    "100",
    "--seeds",
    "3",
    "-j",
    "2",
]
LONG = [*GRID, "--samples", "200,300", "--epochs", "20"]
SHORT = [*GRID, "--samples", "20,30", "--epochs", "1"]


def start(*arguments, cwd):
    """The command in a session of its own, so that every process it starts can be found."""
    env = os.environ | {"PYTHONPATH": str(Path(tangentlab.__file__).parent.parent)}
    command = [sys.executable, "-m", "tangentlab", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process):
    out, _ = process.communicate(timeout=280)
    return process.returncode, out


def session(number):
    """Ids of the living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == number and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def gone(number, *, within):
    deadline = time.monotonic() + within
    while session(number) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not session(number)


def records(store):
    """The finished records of a store: their readings and when they were written."""
    found = {}
    for path in (store / "records").glob("[0-9a-f]*.json"):
        record = json.loads(path.read_text())["record"]
        if record["status"] == "done":
            found[path.name] = (record["readings"], record["created"], path.stat().st_mtime_ns)
    return found


def wait_for(condition, *, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not begin"
        time.sleep(0.02)


@linux
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_kills_at_random_moments_lose_and_repeat_nothing(tmp_path):
    code, out = finish(start("compare", *LONG, "--out", "whole", cwd=tmp_path))
    assert code == 0, out
    whole = records(tmp_path / "whole")
    assert len(whole) == 24

    chance, kills, grids = random.Random(0), 0, 0
    while kills < 10:  # a fast machine finishes a grid before its tenth kill: the next kills fall on another one
        grids += 1
        store, kept = tmp_path / f"killed-{grids}", {}
        process = start("compare", *LONG, "--out", store.name, cwd=tmp_path)
        wait_for((store / "spec.toml").exists)
        while kills < 10 and len(kept) < 24:
            kept = kill_somewhere(process, store, kept, chance)
            kills += len(kept) < 24
            process = start("resume", store.name, "-j", "2", cwd=tmp_path)
        code, out = finish(process)
        assert code == 0, out
        final = records(store)
        assert {name: final[name] for name in kept} == kept
        assert {name: each[0] for name, each in final.items()} == {name: each[0] for name, each in whole.items()}
        assert finish(start("check", store.name, cwd=tmp_path))[0] == 0


def kill_somewhere(process, store, kept, chance):
    """Kill -9 while it starts or while cells run; what was finished before must stand as it was. What is finished now."""
    if chance.random() < 0.3:
        time.sleep(chance.uniform(0.0, 3.0))
    else:
        wait_for(lambda: len(records(store)) > len(kept) or process.poll() is not None)
        time.sleep(chance.uniform(0.0, 0.5))
    process.kill()
    process.communicate()
    assert gone(process.pid, within=5), "a worker outlived the run"
    now = records(store)
    assert {name: now[name] for name in kept} == kept, "a finished cell was lost or computed again"
    return now


@linux
@pytest.mark.slow
def test_killed_workers_cost_nothing_but_time(tmp_path):
    process = start("compare", *LONG, "--out", "run", cwd=tmp_path)
    chance, killed = random.Random(1), 0
    wait_for(lambda: len(records(tmp_path / "run")) > 0)
    while process.poll() is None and killed < 2:  # a third might give up a cell that both others hit
        workers = [pid for pid in session(process.pid) if pid != process.pid and "spawn_main" in command_of(pid)]
        if workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
            killed += 1
        time.sleep(chance.uniform(0.5, 2.5))
    code, out = finish(process)
    assert killed == 2
    assert code == 0, out
    assert len(records(tmp_path / "run")) == 24


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@linux
@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("SIGTERM", 143, "stopped by SIGTERM"),
        ("SIGINT", 130, "stopped by Ctrl-C"),
        ("SIGUSR1", 75, "stopped by SIGUSR1"),
    ],
)
def test_a_signal_ends_the_run_in_order_and_resume_completes_it(tmp_path, name, code, told, jobs):
    process = start("compare", *SHORT, "-j", jobs, "--epochs", "60", "--out", "run", cwd=tmp_path)
    wait_for(lambda: len(records(tmp_path / "run")) > 0)
    # a terminal sends Ctrl-C to every process of the session, a scheduler may do so with the others
    os.killpg(process.pid, getattr(signal, name)) if name != "SIGTERM" else process.terminate()
    begun = time.monotonic()
    found, out = finish(process)
    assert (found, told in out) == (code, True), out
    assert "tangentlab resume run" in out
    assert "Traceback" not in out
    assert time.monotonic() - begun < 5
    assert gone(process.pid, within=5)
    kept = records(tmp_path / "run")
    assert 0 < len(kept) < 24
    found, out = finish(start("resume", "run", "-j", jobs, cwd=tmp_path))
    final = records(tmp_path / "run")
    assert (found, len(final)) == (0, 24), out
    assert {name: final[name] for name in kept} == kept


@pytest.mark.slow
def test_one_network_that_fails_for_one_seed_ends_in_code_3_and_in_the_report(tmp_path):
    (tmp_path / "flaky_net.py").write_text(
        "import torch\n"
        "def build(input_shape, seed):\n"
        "    if seed == 1:\n"
        "        raise RuntimeError('not with this seed')\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))\n"
    )
    arguments = ["--network", "flaky_net:build", "--task", "group:0-4", "--samples", "20", "--test-samples", "20"]
    code, out = finish(start("compare", *arguments, "--seeds", "4", "-j", "2", "--out", "run", cwd=tmp_path))
    assert code == 3, out
    assert "not with this seed" in out
    assert "1 of 4 cells failed" in out
    assert "not with this seed" in (tmp_path / "run" / "report.html").read_text()
    assert finish(start("resume", "run", cwd=tmp_path))[0] == 3


TILES = [
    "ntk",
    "--network",
    "lenet",
    "--task",
    "classes",
    "--samples",
    "600",
    "--memory",
    "600MiB",
    "--store",
    "K",
]


@linux
def test_ctrl_c_keeps_the_tiles_of_a_store_and_says_that_the_same_command_goes_on(tmp_path):
    process = start(*TILES, cwd=tmp_path)
    tiles = tmp_path / "K" / "c"
    wait_for(lambda: list(tiles.glob("*/[0-9]")))
    os.killpg(process.pid, signal.SIGINT)
    code, out = finish(process)
    assert code == 130 and "Traceback" not in out
    assert "stopped by Ctrl-C. Finished tiles are kept. Continue with the same command." in out
    kept = {path: path.read_bytes() for path in tiles.glob("*/[0-9]")}
    assert kept
    code, out = finish(start(*TILES, cwd=tmp_path))
    assert code == 0 and "Complete: K" in out, out
    assert {path: path.read_bytes() for path in kept} == kept
    assert len(list(tiles.glob("*/[0-9]"))) > len(kept)
