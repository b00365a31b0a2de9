import errno
import os

import pytest

from tangentlab._atomic import explain, read_bytes, whole_file, write_atomically
from tangentlab._errors import StoreError


def test_a_failing_write_leaves_the_old_file_and_no_partial(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_atomically(path, b"old")
    for call, code, word in [("fsync", errno.ENOSPC, "full"), ("replace", errno.EROFS, "read-only")]:

        def fail(*_, code=code):
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(StoreError, match=word):
                write_atomically(path, b"new")
        assert read_bytes(path) == b"old"
        assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_an_interrupt_leaves_the_old_file_and_no_partial(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durable", [True, False])
def test_a_block_that_fails_leaves_the_old_file_and_no_partial(tmp_path, durable):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), whole_file(path, durable=durable) as file:
        file.writelines([b"ne", "w"])
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(("durable", "flushes"), [(True, 2), (False, 0)])
def test_a_durable_file_is_flushed_and_so_is_its_name(tmp_path, monkeypatch, durable, flushes):
    fsync, seen = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda descriptor: (seen.append(descriptor), fsync(descriptor)))
    with whole_file(tmp_path / "a", durable=durable) as file:
        file.write(b"new")
    assert len(seen) == flushes and (tmp_path / "a").read_bytes() == b"new"


def test_a_partial_swept_away_under_the_writer_is_written_again(tmp_path, monkeypatch):
    replace, swept = os.replace, []

    def sweep_once(source, target):
        if not swept:
            swept.append(source)
            os.unlink(source)
        replace(source, target)

    monkeypatch.setattr(os, "replace", sweep_once)
    write_atomically(tmp_path / "a", b"new")
    assert swept
    assert read_bytes(tmp_path / "a") == b"new"


def test_a_missing_folder_and_a_file_in_the_way_are_sentences(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "no" / "a", tmp_path / "file" / "a"):
        with pytest.raises(StoreError, match="could not be written"):
            write_atomically(path, b"")


def test_links_and_folders_are_not_read(tmp_path):
    (tmp_path / "real").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="symbolic link"):
        read_bytes(tmp_path / "link")
    with pytest.raises(StoreError, match="could not be read"):
        read_bytes(tmp_path)


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO]
)
def test_every_reason_names_the_file_and_a_remedy(tmp_path, code):
    error = explain(OSError(code, os.strerror(code)), tmp_path / "a", doing="written")
    assert str(tmp_path / "a") in error.message
    assert error.remedy.endswith(".")
