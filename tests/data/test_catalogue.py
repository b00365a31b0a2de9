"""The catalogue of data sets: every entry says what it is, where it lies and what mends its absence."""

import gzip
import hashlib
from pathlib import Path

import pytest

from tangentlab.data import DATA, Bundled, Filed

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.parametrize("name", DATA)
def test_every_entry_is_described(name):
    assert "classes" in DATA[name].description


@pytest.mark.parametrize("name", [name for name, source in DATA.items() if isinstance(source, Bundled)])
def test_bundled_data_carry_their_own_name(name):
    source = DATA[name]
    assert isinstance(source, Bundled)
    assert source.read().name == name


@pytest.mark.parametrize("name", [name for name, source in DATA.items() if isinstance(source, Filed)])
def test_filed_data_can_be_mended_and_know_what_they_lack(name, tmp_path):
    source = DATA[name]
    assert isinstance(source, Filed)
    assert "download=True" in source.mend
    lacking = set(source.missing(tmp_path))
    fetched = {file.file.removesuffix(".gz") for file in source.downloads}
    fetched |= {member for file in source.downloads for member in file.members}
    assert lacking
    assert lacking <= fetched


def test_the_installed_fashion_mnist_has_the_published_content():
    if not DEBIAN.is_dir():
        pytest.skip("needs Debian's dataset-fashion-mnist")
    content = gzip.decompress((DEBIAN / "t10k-labels-idx1-ubyte.gz").read_bytes())
    assert len(content) == 8 + 10000
    assert hashlib.sha256(content).hexdigest().startswith("0402a96d92fd2663")
