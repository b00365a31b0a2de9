import sys
import xml.etree.ElementTree as ElementTree

import pytest

from tangentlab._errors import MissingExtraError, StoreError, UnknownNameError
from tangentlab.report import save_figures
from tangentlab.report.figures import FIGURES

pytest.importorskip("matplotlib")


def test_every_figure_is_saved_as_whole_svg(fill, make, tmp_path):
    paths = save_figures(fill(make(tasks=("a", "b"), sizes=(100, 300))), tmp_path / "figures")
    assert [path.name for path in paths] == [f"{key}.svg" for key in FIGURES]
    for path in paths:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_pdf_and_png_are_what_they_say(fill, make, tmp_path):
    store = fill(make(networks=("a",), tasks=("b",), sizes=(100,)))
    assert save_figures(store, tmp_path, format="pdf")[0].read_bytes().startswith(b"%PDF")
    assert save_figures(store.path, tmp_path, format="png")[0].read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UnknownNameError, match="Did you mean 'svg'"):
        save_figures(store, tmp_path, format="svgz")


def test_the_same_records_give_the_same_bytes(fill, make, tmp_path):
    store = fill(make(networks=("a",), tasks=("b",), sizes=(100,)))
    first, second = (save_figures(store, tmp_path / name) for name in ("a", "b"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_names_that_mean_something_to_matplotlib_or_xml_are_shown_as_they_are(fill, make, tmp_path):
    hostile = "_$x_</text><script>alert(1)</script>\u202e שלום 漢"
    records = make(networks=(hostile,), tasks=(hostile, "_b"), sizes=(100, 300))
    for path in save_figures(fill(records), tmp_path / "figures"):
        root = ElementTree.parse(path).getroot()
        assert not [element for element in root.iter() if element.tag.endswith("script")]


def test_an_unwritable_folder_is_said_in_a_sentence(fill, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="could not be written"):
        save_figures(fill([]), tmp_path / "file" / "figures")


def test_without_matplotlib_the_extra_is_named(fill, make, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"tangentlab\[plot\]"):
        save_figures(fill(make(seeds=1)), tmp_path)
