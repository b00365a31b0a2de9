"""Downloads: nothing gets its name before its hash is right."""

import hashlib
import io
import os
import re
import tarfile

import pytest

from tangentlab._errors import DataError
from tangentlab.data import DATA, Download, Filed, fetch


def served(folder, content, name="served"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return (folder / name).as_uri()


def pinned(content, *urls, members=()):
    return Download(file="copy", urls=urls, sha256=hashlib.sha256(content).hexdigest(), members=members)


def test_the_right_bytes_arrive_and_progress_is_told(tmp_path):
    content = os.urandom(3 << 20)
    told = []
    url = served(tmp_path / "home", content)
    path = fetch(pinned(content, url), tmp_path / "new" / "cache", progress=lambda *at: told.append(at))
    assert path.read_bytes() == content
    assert told[-1] == (len(content), len(content))
    assert sorted(told) == told
    assert os.listdir(path.parent) == ["copy"]


def test_wrong_bytes_are_refused_and_leave_nothing(tmp_path):
    url = served(tmp_path / "home", b"tampered")
    with pytest.raises(DataError, match=r"could not be fetched from file.*its SHA-256 is .* not "):
        fetch(pinned(b"original", url), tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_the_next_address_is_tried(tmp_path):
    good, bad = served(tmp_path / "home", b"abc"), served(tmp_path / "home", b"xyz", "wrong")
    gone = (tmp_path / "home" / "gone").as_uri()
    assert fetch(pinned(b"abc", gone, bad, good), tmp_path / "cache").read_bytes() == b"abc"


def test_a_right_file_is_kept_and_a_damaged_one_replaced(tmp_path):
    download = pinned(b"abc", served(tmp_path / "home", b"abc"))
    path = fetch(download, tmp_path / "cache")
    path.write_bytes(b"damaged")
    assert fetch(download, tmp_path / "cache").read_bytes() == b"abc"
    (tmp_path / "home" / "served").unlink()
    assert fetch(download, tmp_path / "cache") == path


def archive(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_named_files_alone_are_taken_out_of_an_archive(tmp_path):
    content = archive({"folder/one.bin": b"1", "folder/two.bin": b"2", "../outside": b"3"})
    download = pinned(content, served(tmp_path / "home", content), members=("one.bin", "two.bin"))
    fetch(download, tmp_path / "cache")
    assert sorted(os.listdir(tmp_path / "cache")) == ["copy", "one.bin", "two.bin"]
    assert (tmp_path / "cache" / "two.bin").read_bytes() == b"2"
    assert not (tmp_path / "outside").exists()


def test_an_archive_without_a_named_file_is_refused(tmp_path):
    content = archive({"one.bin": b"1"})
    download = pinned(content, served(tmp_path / "home", content), members=("two.bin",))
    with pytest.raises(DataError, match=r"has no two\.bin"):
        fetch(download, tmp_path / "cache")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"cannot be written.*TANGENTLAB_CACHE"):
        fetch(pinned(b"abc", served(tmp_path / "home", b"abc")), tmp_path / "file" / "cache")


def test_an_interrupted_download_leaves_nothing(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(pinned(b"abc", served(tmp_path / "home", b"abc")), tmp_path / "cache", progress=stop)
    assert os.listdir(tmp_path / "cache") == []


def test_every_download_of_the_catalogue_is_pinned_and_encrypted():
    downloads = [file for source in DATA.values() if isinstance(source, Filed) for file in source.downloads]
    assert len({file.sha256 for file in downloads}) == len(downloads) == 9
    for file in downloads:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert all(url.startswith("https://") for url in file.urls)
