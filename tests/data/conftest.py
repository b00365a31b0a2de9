import pytest

from tangentlab.data import locations


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine without any data."""
    for name in ("TANGENTLAB_DATA", "TANGENTLAB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(locations, "SYSTEM_FOLDERS", (str(tmp_path / "system"),))
    return tmp_path
