import numpy as np
import pytest

from tangentlab._errors import DamagedRecordError, StoreError
from tangentlab.records import Record, Store


@pytest.fixture
def store(tmp_path):
    store = Store.create(tmp_path / "run", {"seeds": 3})
    for name in ("r1", "r2", "r3"):
        record = Record(fingerprint=name, spec={"name": name}, readings={"x": 0.25})
        store.put(record, arrays={"spectrum": np.arange(5.0)})
    return store


def arrays_of(store, name):
    (path,) = (store.path / "arrays").glob(f"{name}.*.npz")
    return path


def kinds(store):
    return [(damage.path.name.split(".")[0], damage.kind) for damage in store.check()]


def test_a_whole_store_has_no_damage(store):
    assert store.check() == ()
    assert store.repair() == ()


def test_each_kind_of_damage_is_found_and_only_it_is_removed(store):
    whole = (store.path / "records" / "r3.json").read_bytes(), arrays_of(store, "r3").read_bytes()
    (store.path / "records" / "r1.json").write_bytes(b"")
    arrays_of(store, "r2").unlink()
    (store.path / "records" / ".r9.json.77-ab.partial").write_bytes(b"half")
    (store.path / "arrays" / f"r8.{'0' * 16}.npz").write_bytes(b"no record")
    (store.path / "notes.txt").write_text("mine")
    (store.path / "records" / "notes.txt").write_text("mine")
    assert kinds(store) == [("r2", "arrays"), ("r8", "leftover"), ("", "leftover"), ("r1", "record")]
    with pytest.raises(DamagedRecordError, match="--repair"):
        store.records()
    assert [r.fingerprint for r in store.records(strict=False)] == ["r2", "r3"]
    store.repair()
    assert store.check() == ()
    assert store.fingerprints() == ("r3",)
    assert whole == ((store.path / "records" / "r3.json").read_bytes(), arrays_of(store, "r3").read_bytes())
    assert (store.path / "notes.txt").exists()
    assert (store.path / "records" / "notes.txt").exists()
    assert sorted(p.name for p in (store.path / "arrays").iterdir()) == [arrays_of(store, "r3").name]


def test_a_thousand_flips_and_truncations_are_all_found(tmp_path):
    store = Store.create(tmp_path / "one", {"seeds": 1})
    store.put(Record(fingerprint="r1", spec={"seed": 0}), arrays={"spectrum": np.arange(5.0)})
    rng = np.random.default_rng(0)
    for _ in range(500):
        path = [store.path / "records" / "r1.json", arrays_of(store, "r1")][rng.integers(2)]
        data = path.read_bytes()
        where = int(rng.integers(len(data)))
        flipped = bytearray(data)
        flipped[where] ^= 1 << int(rng.integers(8))
        for broken in (bytes(flipped), data[:where]):
            path.write_bytes(broken)
            found = store.check()
            assert [damage.path for damage in found] == [path]
            assert not found[0].harmless
        path.write_bytes(data)
    assert store.check() == ()


def test_a_record_under_another_name_is_damage(store):
    (store.path / "records" / "r2.json").write_bytes((store.path / "records" / "r1.json").read_bytes())
    assert ("r2", "record") in kinds(store)
    with pytest.raises(DamagedRecordError, match="under this name"):
        store.get("r2")


def test_a_damaged_spec_is_restored_from_its_copy(store):
    for name in ("spec.json", "spec.copy.json"):
        (store.path / name).write_bytes(b"{")
        again = Store.open(store.path)
        assert [damage.kind for damage in again.check()] == ["spec"]
        again.repair()
        assert again.check() == ()
        assert again.spec == {"seeds": 3}
        assert len(again.records()) == 3


def test_a_store_whose_spec_is_lost_keeps_its_records_and_can_be_started_again(store):
    for name in ("spec.json", "spec.copy.json"):
        (store.path / name).write_bytes(b"{")
    with pytest.raises(DamagedRecordError, match=r"spec\.json"):
        _ = Store.open(store.path).spec
    store.repair()
    (store.path / "report.html").write_text("a page")
    with pytest.raises(StoreError, match="run that command again"):
        Store.open(store.path)
    assert len(Store.create(store.path, {"seeds": 3}).records()) == 3


def test_links_are_damage_and_repair_removes_the_link_alone(tmp_path, store):
    outside = tmp_path / "outside.json"
    outside.write_text("mine")
    (store.path / "records" / "r7.json").symlink_to(outside)
    assert kinds(store) == [("r7", "record")]
    store.repair()
    assert store.check() == ()
    assert outside.read_text() == "mine"


def test_a_folder_in_the_place_of_a_record_is_left_and_said(store):
    (store.path / "records" / "r7.json").mkdir()
    with pytest.raises(StoreError, match="folder where a file should be"):
        store.repair()
