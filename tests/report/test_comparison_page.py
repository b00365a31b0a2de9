import base64
import errno
import hashlib
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from tangentlab._errors import DamagedRecordError, StoreError
from tangentlab.report import render_page, to_csv, write_report

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028\u202e\"'`&amp;<b> שלום \x00 ${x} {{ 7*7 }}"
STATIC = files("tangentlab.report") / "static"


class Page(HTMLParser):
    """Elements, ids and the text of the scripts of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.scripts, self._in = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in = None

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1] += data

    def values(self, name):
        return [value for _, key, value in self.attributes if key == name]


def test_the_vendored_plotly_is_the_published_file_with_its_licence():
    digest = hashlib.sha256((STATIC / "plotly-cartesian.min.js").read_bytes()).hexdigest()
    assert digest == "79542150855a52c567260e3137095dbe2b744e6d702a5cabe67da246942fba7a"
    assert "MIT License" in (STATIC / "plotly.LICENSE").read_text()


def test_the_page_opens_with_the_verdict_then_one_figure_then_tables_figures_failures_settings(records):
    page = render_page(records)
    order = [
        '<h1 id="headline">',
        'id="findings"',
        'id="tables"',
        'id="figures"',
        'id="failures"',
        'id="settings"',
    ]
    places = [page.index(part) for part in order]
    assert places == sorted(places)
    assert page[: page.index('id="tables"')].count("<figure") == 1
    assert page.index('id="learning-curves"') > page.index('id="figures"')


def test_nothing_on_the_page_refers_to_another_file_or_host(records):
    page = Page(render_page(records))
    assert page.values("src") == []
    assert all(href.startswith(("#", "data:text/csv;")) for href in page.values("href"))
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(page.tags)


def test_the_policy_lets_only_the_page_s_own_scripts_run(records):
    text = render_page(records)
    page = Page(text)
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    executed = [page.scripts[0], *page.scripts[2:]]
    assert len(executed) == len(allowed) == 3
    assert {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in executed} == allowed
    assert "unsafe" not in policy.split("style-src")[0]
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]


def test_ids_are_unique_and_every_reference_has_its_target(records):
    page = Page(render_page(records))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = [v for name in ("aria-labelledby",) for value in page.values(name) for v in value.split()]
    targets += [href[1:] for href in page.values("href") if href.startswith("#")]
    assert set(targets) <= set(ids)


def test_hostile_names_stay_text_everywhere(make):
    records = make(rename=lambda text: text + HOSTILE, failing={("fake-mlp", 100, 0)})
    text = render_page(records, spec={"command": HOSTILE, HOSTILE: HOSTILE}, place=HOSTILE)
    plain = Page(render_page(make(failing={("fake-mlp", 100, 0)}), spec={"command": "x"}, place="x"))
    page = Page(text)
    assert "img" not in page.tags
    assert len(page.scripts) == len(plain.scripts) == 4
    assert page.scripts[0] == plain.scripts[0]
    assert page.scripts[2:] == plain.scripts[2:]
    assert "<" not in page.scripts[1]
    assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", text)[0]
    assert "\u2028" not in page.scripts[1]


def test_the_csv_on_the_page_is_the_table_of_all_readings(records):
    (href,) = [h for h in Page(render_page(records)).values("href") if h.startswith("data:")]
    assert base64.b64decode(href.split(",")[1]).decode() == to_csv(records)


@pytest.mark.parametrize(
    "grid",
    [
        {"networks": ("a",), "tasks": ("b",), "sizes": (9,), "seeds": 1},
        {"seeds": 1},
        {"sizes": (100,)},
        {"learners": ("network",)},
        {"learners": ("ridge-init",)},
        {"learners": ("somebody's", "network")},
        {"networks": (), "tasks": ()},
        {"seeds": 1, "failing": {(n, s, 0) for n in ("fake-lenet", "fake-mlp") for s in (100, 300, 1000)}},
    ],
)
def test_every_smaller_comparison_has_a_whole_page(make, grid):
    text = render_page(make(**grid))
    assert text.rstrip().endswith("</html>")
    assert "Cannot tell" in text or "generalize" in text


def test_the_report_of_a_store_lies_in_the_store_and_is_written_whole(fill, records, tmp_path, monkeypatch):
    store = fill(records, {"command": "tangentlab compare --seeds 3", "networks": ["fake-mlp", "fake-lenet"]})
    path = write_report(store.path)
    first = path.read_bytes()
    assert path == store.path / "report.html"
    assert b"<span>--seeds</span> <span>3</span>" in first
    assert write_report(store, tmp_path / "new" / "page.html").read_bytes() == first

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match="disk is full"):
        write_report(store)
    assert path.read_bytes() == first


def test_an_empty_store_has_a_page_that_says_so(fill):
    assert "Cannot tell: no cell has finished." in write_report(fill([])).read_text()


def test_damaged_records_are_never_reported_on(fill, records):
    store = fill(records[:3])
    path = store.path / "records" / f"{records[0].fingerprint}.json"
    path.write_bytes(path.read_bytes().replace(b"0.7", b"0.9", 1))
    with pytest.raises(DamagedRecordError, match="--repair"):
        write_report(store)
    assert not (store.path / "report.html").exists()


def test_places_that_cannot_hold_a_page_are_said_in_a_sentence(fill, tmp_path):
    store = fill([])
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file" / "page.html", tmp_path):
        with pytest.raises(StoreError, match="could not be written"):
            write_report(store, place)
    with pytest.raises(StoreError, match="does not exist"):
        write_report(tmp_path / "none")


def test_warnings_are_counted(make):
    told = [[f"The rate {k / 100} is too high.", "Other."] for k in range(18)]
    records = [replace(r, readings=r.readings | {"warnings": w}) for r, w in zip(make(seeds=1), told)]
    page = render_page([*records, *make(networks=("a",), seeds=1)])
    assert "The rate 0.0 is too high.</bdi> <small>(18 cells)</small>" in page
    assert page.count("is too high") == 1
