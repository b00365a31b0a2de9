import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from tangentlab._errors import ArgumentError, DamagedRecordError, StoreError
from tangentlab.records import Record, Store
from tangentlab.records import store as module

SPEC = {"networks": ["mlp"], "seeds": 2}
WRITER = """
    import sys, numpy as np
    from tangentlab.records import Record, Store
    store = Store.create(sys.argv[1], {"networks": ["mlp"], "seeds": 2})
    print("ready", flush=True)
    order = range(60) if sys.argv[2] == "up" else reversed(range(60))
    for k in order:
        record = Record(fingerprint=f"r{k:02}", spec={"seed": k}, readings={"value": k / 7})
        store.put(record, arrays={"kernel": np.full((20, 20), k + float(sys.argv[3]))})
"""


def record(name="r1", **fields):
    return Record(**({"fingerprint": name, "spec": {"name": name}, "readings": {"x": 1.5}} | fields))


def failed(name="r1"):
    return record(name, status="failed", error={"message": "It diverged.", "remedy": "Lower the rate.", "log": ""})


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "run", SPEC)


def test_records_arrays_and_spec_come_back_equal(store):
    arrays = {"kernel": np.eye(3, dtype=np.float32), "names": np.array(["é", "b"]), "empty": np.zeros((0, 2))}
    kept = store.put(record(), arrays=arrays)
    again = Store.open(store.path)
    assert again.spec == SPEC
    assert again.get("r1") == kept
    assert set(kept.arrays) == set(arrays)
    found = again.arrays(kept)
    assert all(found[k].dtype == a.dtype and np.array_equal(found[k], a) for k, a in arrays.items())


def test_records_are_sorted_however_they_came(store):
    for name in ("b", "c", "a"):
        store.put(record(name))
    assert store.fingerprints() == ("a", "b", "c")
    assert [r.fingerprint for r in store.records()] == ["a", "b", "c"]


def test_a_done_record_is_never_replaced(store):
    first = store.put(record(), arrays={"k": np.zeros(2)})
    before = (store.path / "records" / "r1.json").read_bytes()
    assert store.put(record(), arrays={"k": np.zeros(2)}) == first
    assert store.put(record(readings={"x": 9.0}), arrays={"k": np.ones(2)}) == first
    assert store.put(failed()) == first
    assert (store.path / "records" / "r1.json").read_bytes() == before
    assert store.check() == ()


def test_a_failed_record_gives_way_to_a_later_one(store):
    assert store.put(failed()).status == "failed"
    assert store.has("r1")
    assert not store.has("r1", status="done")
    assert store.put(record(), arrays={"k": np.zeros(2)}).done
    assert store.has("r1", status="done")
    assert store.check() == ()


def test_one_fingerprint_for_two_specs_is_refused(store):
    store.put(record())
    with pytest.raises(StoreError, match="another spec"):
        store.put(record(spec={"name": "other"}))


def test_creating_again_opens_the_store_for_an_equal_spec_only(store):
    store.put(record())
    assert Store.create(store.path, SPEC | {"seeds": 2}).fingerprints() == ("r1",)
    with pytest.raises(StoreError, match=r"different seeds.*tangentlab resume"):
        Store.create(store.path, SPEC | {"seeds": 3})


def test_the_command_that_started_a_store_may_differ(tmp_path):
    Store.create(tmp_path / "run", SPEC | {"command": "compare -j 1"})
    assert Store.create(tmp_path / "run", SPEC | {"command": "compare -j 2"}).spec["command"] == "compare -j 1"


def test_what_is_not_a_store_is_said_in_a_sentence(tmp_path, store):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="does not exist"):
        Store.open(tmp_path / "none")
    with pytest.raises(StoreError, match="is a file, not a store"):
        Store.open(tmp_path / "file")
    with pytest.raises(StoreError, match=r"no spec\.json"):
        Store.open(tmp_path / "full")
    with pytest.raises(StoreError, match=r"not empty and not a store \(it holds thesis\.tex\)"):
        Store.create(tmp_path / "full", SPEC)
    with pytest.raises(StoreError, match="a file stands where a folder should be"):
        Store.create(tmp_path / "file", SPEC)
    with pytest.raises(StoreError, match="could not be written"):
        Store.create(tmp_path / "file" / "deeper", SPEC)
    with pytest.raises(StoreError, match="no record r9"):
        store.get("r9")


def test_a_store_of_a_newer_format_is_refused(store, monkeypatch):
    monkeypatch.setattr("tangentlab.records.store.FORMAT", 2)
    Store.create(store.path.parent / "newer", SPEC)
    monkeypatch.undo()
    with pytest.raises(StoreError, match=r"format 2.*Upgrade"):
        Store.open(store.path.parent / "newer")


@pytest.mark.parametrize("name", ["../r1", "/etc/passwd", "", ".r1", "a/b", "x" * 65])
def test_names_that_leave_the_store_are_refused(store, name):
    for use in (store.get, store.has, store.log_path):
        with pytest.raises(ArgumentError):
            use(name)
    with pytest.raises(ArgumentError):
        store.put(record(), arrays={name: np.zeros(1)})


def test_links_are_neither_read_nor_written_through(tmp_path, store):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "r1.json").write_text("mine")
    (store.path / "records" / "r1.json").symlink_to(outside / "r1.json")
    for use in (lambda: store.get("r1"), lambda: store.put(record()), lambda: store.records()):
        with pytest.raises(StoreError, match="symbolic link"):
            use()
    (tmp_path / "alias").symlink_to(store.path)
    with pytest.raises(StoreError, match="symbolic link"):
        Store.open(tmp_path / "alias")
    (store.path / "logs").rmdir()
    (store.path / "logs").symlink_to(outside)
    with pytest.raises(StoreError, match="symbolic link"):
        Store.open(store.path)
    assert (outside / "r1.json").read_text() == "mine"


def test_only_arrays_that_need_no_pickle_are_kept(store):
    for wrong in (np.array([{}], dtype=object), [1.0]):
        with pytest.raises(ArgumentError, match="arrays"):
            store.put(record(), arrays={"k": wrong})
    assert store.fingerprints() == ()


def test_pickles_in_an_archive_of_arrays_are_never_opened(store, monkeypatch):
    buffer = io.BytesIO()
    np.savez(buffer, k=np.array([{}], dtype=object))
    monkeypatch.setattr("tangentlab.records.store.pack_arrays", lambda _: buffer.getvalue())
    kept = store.put(record(), arrays={"k": np.zeros(1)})
    with pytest.raises(DamagedRecordError):
        store.arrays(kept)


def test_a_full_disk_at_any_write_leaves_a_valid_store(store, monkeypatch):
    fsync, failures = os.fsync, 0
    for allowed in range(10):
        count = 0

        def fail(descriptor, allowed=allowed):
            nonlocal count
            count += 1
            if count > allowed:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            fsync(descriptor)

        name = f"r{allowed}"
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            try:
                store.put(record(name), arrays={"k": np.zeros(3)})
            except StoreError:
                failures += 1
                with pytest.raises(StoreError, match="disk is full"):
                    store.put(record(name), arrays={"k": np.zeros(3)})
        assert store.has(name) == (allowed >= failures)
        assert all(damage.harmless for damage in store.check())
    assert failures == 3  # the arrays; their folder's own flush may fail; the record


def test_a_repair_between_the_two_writes_of_a_record_loses_nothing(store, monkeypatch):
    write, swept = module.write_atomically, []

    def write_and_repair(path, data):
        if len(swept) < 2:
            swept.append(store.repair())
        write(path, data)

    monkeypatch.setattr(module, "write_atomically", write_and_repair)
    kept = store.put(record(), arrays={"k": np.ones(3)})
    assert [damage.kind for damage in swept[1]] == ["leftover"]
    assert store.check() == ()
    assert store.arrays(kept)["k"].tolist() == [1, 1, 1]


def test_a_read_only_folder_is_said_in_a_sentence(store, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(StoreError, match="permission denied"):
        Store.create(store.path.parent / "other", SPEC)


def writer(path, *arguments):
    code = textwrap.dedent(WRITER)
    return subprocess.Popen([sys.executable, "-c", code, str(path), *arguments], stdout=subprocess.PIPE, text=True)


def test_kill_at_any_moment_leaves_every_record_whole_or_absent(tmp_path):
    seen = 0
    for attempt in range(6):
        child = writer(tmp_path / "run", "up", "0")
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.011 * attempt)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        store = Store.open(tmp_path / "run")
        for each in store.records():
            assert each.readings["value"] == each.spec["seed"] / 7
            assert np.array_equal(store.arrays(each)["kernel"], np.full((20, 20), float(each.spec["seed"])))
        assert all(damage.harmless for damage in store.check())
        assert len(store.fingerprints()) >= seen
        seen = len(store.fingerprints())
    child = writer(tmp_path / "run", "up", "0")
    child.communicate()
    store.repair()
    assert child.returncode == 0
    assert store.check() == ()
    assert len(store.records()) == 60


def test_two_writers_that_disagree_leave_one_consistent_store(tmp_path):
    children = [writer(tmp_path / "run", "up", "0"), writer(tmp_path / "run", "down", "0.5")]
    Store.create(tmp_path / "run", SPEC).repair()  # and a repair in the midst of it
    for child in children:
        child.communicate()
        assert child.returncode == 0
    store = Store.open(tmp_path / "run")
    assert len(store.records()) == 60
    assert all(damage.harmless for damage in store.check())
    store.repair()
    assert store.check() == ()
    for each in store.records():
        kernel = store.arrays(each)["kernel"]
        assert np.ptp(kernel) == 0
        assert kernel[0, 0] - each.spec["seed"] in (0, 0.5)


def test_records_and_report_import_no_torch():
    code = "import sys, tangentlab.records, tangentlab.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
