"""The order in which places are searched, and the one error when nothing is found."""

from pathlib import Path

import pytest

from tangentlab._errors import DataError
from tangentlab.data import cache_folder, search_order
from tangentlab.data.locations import find


def test_places_come_in_the_documented_order(home, monkeypatch):
    monkeypatch.setenv("TANGENTLAB_DATA", str(home / "own"))
    assert search_order(["mnist", "MNIST/raw"]) == tuple(
        home / root / folder
        for root in ("own", "system", "data", ".cache/tangentlab")
        for folder in ("mnist", "MNIST/raw")
    )


def test_the_folder_itself_may_be_named_if_it_goes_by_the_name(home, monkeypatch):
    monkeypatch.setenv("TANGENTLAB_DATA", str(home / "MNIST" / "raw"))
    assert search_order(["mnist", "MNIST/raw"])[0] == home / "MNIST" / "raw"
    assert home / "MNIST" / "raw" not in search_order(["fashion-mnist"])


def test_an_explicit_path_is_the_only_place(home, monkeypatch):
    monkeypatch.setenv("TANGENTLAB_DATA", str(home / "own"))
    assert search_order(["mnist"], path="~/here") == (home / "here", home / "here" / "mnist")


def test_the_cache_follows_the_environment(home, monkeypatch):
    assert cache_folder() == home / ".cache" / "tangentlab"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "shared"))
    assert cache_folder() == home / "shared" / "tangentlab"
    monkeypatch.setenv("TANGENTLAB_CACHE", "~/own")
    assert cache_folder() == home / "own"


def test_the_first_complete_place_wins(home, monkeypatch):
    monkeypatch.setenv("TANGENTLAB_DATA", str(home / "own"))
    for place in ("own/toy", "system/toy", "data/toy"):
        (home / place).mkdir(parents=True)
    for place in ("system/toy", "data/toy"):
        (home / place / "file").touch()

    def missing(folder: Path) -> list[str]:
        return [] if (folder / "file").exists() else ["file"]

    assert find("toy", folders=["toy"], missing=missing, mend="") == home / "system" / "toy"


def test_one_error_lists_every_place_and_the_remedy(home):
    (home / "data" / "toy").mkdir(parents=True)
    with pytest.raises(DataError) as refusal:
        find("toy", folders=["toy"], missing=lambda folder: ["labels"], mend="Run this.")
    message = str(refusal.value)
    assert message == (
        f"toy was not found; searched {home}/system/toy (not there), {home}/data/toy (lacks labels), "
        f"{home}/.cache/tangentlab/toy (not there); $TANGENTLAB_DATA is not set. Run this."
    )
