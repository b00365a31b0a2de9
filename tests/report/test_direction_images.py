"""Directions as pictures: every entry is where it belongs, in files and pages, light and dark."""

import base64
import io
import re
import shutil
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image as Reader

from tangentlab._errors import ArgumentError, NotFiniteError, ShapeError, StoreError
from tangentlab.report.direction_images import directions_svg, draw_directions, save_directions
from tangentlab.report.png import png

HOSTILE = '"><script>alert(1)</script>'


def pixels(svg):
    """The pictures in some SVG, decoded by a reader of their own."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", svg)
    return [np.asarray(Reader.open(io.BytesIO(base64.b64decode(one)))) for one in found]


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (4, 6, 3)])
def test_a_png_is_read_back_by_others(shape):
    image = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    assert np.array_equal(np.asarray(Reader.open(io.BytesIO(png(image)))), image)


@pytest.mark.parametrize("shape", [(6, 5), (1, 6, 5), (2, 6, 5)])
def test_signs_have_layers_of_their_own(shape):
    directions = np.random.default_rng(0).normal(size=(3, *shape))
    layers = pixels(draw_directions("d", directions).svg)
    assert len(layers) == 6
    for one, positive, negative in zip(directions, layers[::2], layers[1::2]):
        flat = one if one.ndim == 2 else np.concatenate(list(one), axis=1)
        found = (positive.astype(float) - negative) / 255
        assert np.allclose(
            found, flat / np.abs(flat).max(), atol=0.5 / 255 + 1e-9
        )  # fewer than 200 entries: no clip


def test_three_channels_are_colours_around_grey():
    directions = np.zeros((1, 3, 4, 4))
    directions[0, 0, 0, 0], directions[0, 2, 1, 1] = 1, -1
    (image,) = pixels(draw_directions("d", directions).svg)
    assert tuple(image[0, 0]) == (255, 128, 128) and tuple(image[1, 1]) == (128, 128, 0)
    assert "around grey" in draw_directions("d", directions).caption


def test_rows_that_are_no_images_are_bars():
    svg = draw_directions("d", np.array([[1.0, -0.5, 0.0]])).svg
    assert not pixels(svg)
    up, down = re.findall(r'<path d="([^"]+)" fill', svg)
    height = 70
    assert up.startswith(f"M0.00 {height / 2:.2f}v-{0.46 * height:.2f}") and f"v{0.23 * height:.2f}" in down
    assert draw_directions("d", np.random.default_rng(0).normal(size=(2, 2, 4000))).svg.count("v") < 5000


def test_a_file_is_whole_xml_with_words_and_both_themes(tmp_path):
    path = save_directions(
        tmp_path / "d.svg", np.eye(16).reshape(16, 4, 4), values=np.linspace(2, 1, 16), title=HOSTILE
    )
    root = ElementTree.fromstring(path.read_text())
    words = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == HOSTILE and words[1:3] == ["0", "s² 2"] and "15" in words
    assert "prefers-color-scheme: dark" in path.read_text() and "<script" not in path.read_text()


def test_names_are_escaped_and_ids_are_unique_on_a_page():
    one, other = (draw_directions(key, np.ones((2, 3, 3)), names=[HOSTILE, "b"]) for key in ("a", "b"))
    assert "<script" not in one.svg + other.svg
    ids = re.findall(r'id="([^"]+)"', one.svg + other.svg)
    assert len(ids) == 8 == len(set(ids))


@pytest.mark.parametrize(
    ("directions", "words", "error"),
    [
        (np.ones(3), {}, ShapeError),
        (np.ones((0, 3)), {}, ShapeError),
        (np.ones((1, 1, 1, 1, 1)), {}, ShapeError),
        (np.full((1, 3), np.nan), {}, NotFiniteError),
        (np.ones((2, 3)), {"values": [1.0]}, ArgumentError),
        (np.ones((2, 3)), {"names": ["a"]}, ArgumentError),
        ("north", {}, (ShapeError, ArgumentError)),
    ],
)
def test_bad_input_is_refused_in_words(directions, words, error):
    with pytest.raises(error):
        directions_svg(directions, **words)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StoreError):
        save_directions(tmp_path / "none" / "d.svg", np.eye(2))


def test_a_direction_of_zeros_is_an_empty_picture():
    assert not any(layer.any() for layer in pixels(draw_directions("d", np.zeros((1, 4, 4))).svg))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_colours_over_the_ground_of_the_page(tmp_path, scheme):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    if path is None:
        pytest.skip("no browser is installed")
    picture = np.zeros((1, 1, 2, 2))
    picture[0, 0, 0, 0], picture[0, 0, 1, 1] = 1, -1
    file = save_directions(tmp_path / "d.svg", picture)
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_context(viewport={"width": 300, "height": 200}, color_scheme=scheme).new_page()
        tab.goto(file.as_uri())
        shown = np.asarray(Reader.open(io.BytesIO(tab.screenshot())).convert("RGB"))
        browser.close()
    wanted = {
        "light": ((200, 68, 11), (255, 255, 255), (31, 102, 173)),
        "dark": ((255, 143, 90), (21, 24, 28), (109, 179, 242)),
    }
    for (y, x), colour in zip(((40, 40), (40, 100), (100, 100)), wanted[scheme]):
        assert np.abs(shown[y, x].astype(int) - colour).max() <= 2
