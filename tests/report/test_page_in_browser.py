"""The page in a real browser: nothing leaves it, nothing hostile runs in it, everything on it works."""

import xml.etree.ElementTree as ElementTree

import pytest

from tangentlab.report import render_page, to_csv
from tangentlab.report.figures import FIGURES

HOSTILE = (
    '</script><img src=x onerror="window.ran=1;alert(1)"><svg onload=alert(2)>\u2028\u202e\'`&lt;b> שלום %{x}'
)


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page of some records and keep every request, message and dialog."""
    contexts = []

    def visited(records, *, width=1280, scheme="light", scripts=True, **page):
        path = tmp_path / "report.html"
        path.write_bytes(render_page(records, **page).encode())
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        contexts.append(context)
        tab = context.new_page()
        tab.events = []
        tab.on("request", lambda request: tab.events.append(("request", request.url)))
        tab.on("console", lambda message: tab.events.append(("console", message.text)))
        tab.on("pageerror", lambda error: tab.events.append(("error", str(error))))
        tab.on("dialog", lambda dialog: (tab.events.append(("dialog", dialog.message)), dialog.dismiss()))
        tab.goto(path.as_uri())
        assert tab.events.pop(0) == ("request", path.as_uri())
        return tab

    yield visited
    for context in contexts:
        context.close()


def drawn(tab):
    """The figures that plotly has drawn, with the number of their traces."""
    return tab.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("figure")].map(
            (figure) => [figure.id, figure.querySelectorAll(".plot .main-svg .scatterlayer .trace").length]))"""
    )


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_is_drawn_without_a_request_or_a_complaint(visit, records, width, scheme):
    tab = visit(records, width=width, scheme=scheme)
    figures = drawn(tab)
    assert list(figures) == list(FIGURES)
    assert figures["learning-curves"] == 30  # 6 panels of 5 learners
    assert figures["gap"] == 24
    assert figures["spectrum"] == 24  # 6 panels of 2 anchors, a line and a band each
    assert tab.events == []
    assert tab.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("gain", [0.05, -0.05])
def test_no_interval_is_cut_off_and_zero_is_in_every_gap(visit, make, gain):
    tab = visit(make(gain=lambda *_: gain))
    cut = tab.evaluate(
        """() => [...document.querySelectorAll(".plot")].flatMap((plot) => plot.data.flatMap((trace) =>
            ["x", "y"].flatMap((name) => {
                const axis = plot._fullLayout[trace[name + "axis"].replace(name, name + "axis")];
                const error = trace["error_" + name];
                const log = axis.type === "log" ? Math.log10 : Number;
                const [low, high] = axis.range;
                const zero = axis.zeroline && !(low < 0 && 0 < high) ? ["zero"] : [];
                return zero.concat(trace[name].flatMap((v, i) => error && error.array[i] != null
                    ? [v + error.array[i], v - error.arrayminus[i]] : [v])
                    .filter((v) => log(v) < low - 1e-6 || log(v) > high + 1e-6));
            })))"""
    )
    assert cut == []


def test_hostile_names_run_nothing_and_leave_the_page_whole(visit, make):
    records = make(rename=lambda text: text + HOSTILE, failing={("fake-mlp", 1000, 1)})
    records = [r.__class__(**{**vars(r), "readings": r.readings | {"classes": [HOSTILE, "b"]}}) for r in records]
    tab = visit(records, spec={"command": HOSTILE}, place=HOSTILE)
    for button in tab.locator("[data-legend=gap] button").all():
        button.click()
    tab.mouse.move(300, 600)
    tab.wait_for_timeout(100)
    assert tab.events == []
    assert tab.evaluate("window.ran") is None
    assert tab.evaluate("document.images.length") == 0
    assert list(drawn(tab)) == list(FIGURES)
    assert tab.locator("main section").count() == 5
    assert HOSTILE.split("\u2028")[0] in tab.locator("#settings").inner_text()


def test_the_csv_can_be_saved(visit, records):
    tab = visit(records)
    with tab.expect_download() as waiting:
        tab.get_by_text("Save all readings as CSV").click()
    assert waiting.value.suggested_filename == "tangentlab.csv"
    assert waiting.value.path().read_text() == to_csv(records)
    assert tab.events == []


def test_a_figure_can_be_saved_as_svg_with_its_legend(visit, records):
    tab = visit(records, width=390, scheme="dark")
    with tab.expect_download() as waiting:
        tab.locator("[data-save=gap]").click()
    assert waiting.value.suggested_filename == "gap.svg"
    root = ElementTree.parse(waiting.value.path()).getroot()
    texts = {"".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"fake-lenet · fake-group", "network − linear-init", "samples"} <= texts
    assert [
        event for event in tab.events if event[0] != "request" or not event[1].startswith(("blob:", "data:"))
    ] == []


def test_the_theme_follows_the_system_until_it_is_chosen_and_is_kept(visit, records):
    body = "getComputedStyle(document.body).backgroundColor"

    def ground():
        # figures are drawn again a moment after the page has changed, however busy the machine is
        tab.wait_for_function(f"document.querySelector('#gap .main-svg')?.style.background === {body}")
        return tab.evaluate(body)

    tab = visit(records, scheme="dark")
    assert ground() == "rgb(21, 24, 28)"
    tab.emulate_media(color_scheme="light")
    tab.wait_for_function(f"{body} === 'rgb(255, 255, 255)'")
    assert ground() == "rgb(255, 255, 255)"
    tab.locator("#theme").click()
    assert ground() == "rgb(21, 24, 28)"
    tab.reload()
    assert ground() == "rgb(21, 24, 28)"


def test_the_page_can_be_used_from_the_keyboard(visit, records):
    tab = visit(records)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "verdict"
    entry = tab.locator("[data-legend=learning-curves] button").first
    entry.focus()
    tab.keyboard.press("Space")
    assert entry.get_attribute("aria-pressed") == "false"
    assert drawn(tab)["learning-curves"] == 24
    tab.keyboard.press("Enter")
    assert drawn(tab)["learning-curves"] == 30
    tab.locator("#findings-table").locator("xpath=..").focus()
    assert tab.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_a_point_tells_its_numbers_on_hovering(visit, make):
    tab = visit(make(networks=("fake-mlp",), tasks=("a",), gain=lambda *_: 0.05))
    point = tab.locator("#findings .plot .points path").first
    box = point.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.wait_for_selector("#findings .hoverlayer .hovertext", timeout=2000)
    assert "fake-mlp on a, n = 100" in tab.locator("#findings .hoverlayer").first.text_content()
    assert tab.events == []


def test_without_scripts_the_verdict_and_the_tables_can_be_read(visit, records):
    tab = visit(records, scripts=False)
    assert "fake-lenet" in tab.locator("h1").inner_text()
    assert tab.locator("#findings-table tbody tr").count() == 18
    assert "need JavaScript" in tab.locator("main").inner_text()


def test_a_comparison_without_a_finished_cell_has_a_quiet_page(visit, make):
    tab = visit(make(seeds=1, sizes=(100,), failing={("fake-lenet", 100, 0), ("fake-mlp", 100, 0)}))
    assert tab.locator("h1").inner_text() == "Cannot tell: every cell failed."
    assert tab.locator("#failure-table tbody tr").count() == 6
    assert tab.events == []
