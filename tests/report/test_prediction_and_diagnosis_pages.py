"""Pages of predictions and diagnoses: every number told, nothing hostile let through, readable at any width."""

import json
import re

import pytest

from tangentlab.report import render_diagnosis_page, render_prediction_page
from tangentlab.report.prediction_page import predictions_csv

HOSTILE = '</script><img src=x onerror="window.ran=1">'


def prediction(network="fake-mlp", task="fake-task", *, decides=True):
    """Made-up: nothing here was measured."""
    band = {"value": [0.3, 0.2, 0.1], "low": [0.25, 0.15, 0.05], "high": [0.35, 0.25, 0.15]}
    found = {
        "network": network,
        "task": task,
        "goal": "classes" if decides else "values",
        "headline": f"{network} on {task}",
        "sentences": ["It learns.", "Nothing was trained."],
        "samples": [25, 50, 100],
        "rows": 100,
        "seeds": [0, 1],
        "mse": {name: [3 * v for v in values] for name, values in band.items()},
        "spectrum_mse": [0.91, 0.61, 0.31],
        "ridge": 0.001,
        "loss": "bce",
        "constant_mse": 1.0,
        "constant_error": 0.5 if decides else None,
        "gcv": {"ridge_shares": [1e-3, 1.0], "values": [0.3, 0.6]},
        "momentum": 0.9,
        "stable_learning_rate": 0.123,
        "steps": 17.0,
        "effective_rank": 9.5,
        "alignment": 0.05,
        "complexity": 12.0,
        "kernel": "made-up kernel",
        "warnings": [],
    }
    return found | ({"error": band} if decides else {})


def ranking(*names):
    cells = [
        {
            "name": name,
            "network": "fake-mlp",
            "value": 0.1 * k,
            "low": 0.05 * k,
            "high": 0.2 * k,
            "rank": k,
            "best_rank": 1,
            "worst_rank": 2,
        }
        for k, name in enumerate(names, 1)
    ]
    return {
        "cells": cells,
        "samples": 100,
        "headline": "One before the other.",
        "sentences": ["From easy to hard."],
    }


def diagnosis(network="fake-mlp"):
    anchor = {
        "trace": 10.0,
        "effective_rank": 5.0,
        "top_share": 0.4,
        "power_law_exponent": None,
        "spectrum": [4.0, 2.0, 0.0],
        "target_energy": [0.2, 0.6, 0.9],
        "alignment": dict.fromkeys(("rayleigh", "trace_normalized", "unbiased", "target", "centered"), 0.25),
        "complexity": dict.fromkeys(("norm", "lower_bound", "normalized"), 3.5),
        "stable_learning_rate": 0.2,
    }
    learner = {"train_loss": 0.1, "test_loss": 0.2, "train_error": 0.01, "test_error": 0.08}
    history = {"step": [1.0, 2.0], "loss": [0.7, 0.0]}
    readings = {
        "anchors": {"init": anchor, "end": anchor},
        "learners": {"network": learner, "linearization": learner},
        "difference": {"value": 0.0, "standard_error": 0.01},
        "kernel_distance": 0.1,
        "relative_distance": 0.2,
        "function_gap": 0.3,
        "parameters": 1234,
        "history": {"network": history, "linearization": history},
        "learning_rates": {"network": 0.05, "linearization": 0.05},
        "descent": {"learning_rate": 0.05},
        "rows": 100,
        "test_rows": 50,
    }
    return {
        "network": network,
        "headline": f"{network} stays lazy.",
        "sentences": ["The kernel turned by 0.100."],
        "regime": "lazy",
        "readings": readings,
        "prediction": prediction(network),
        "warnings": ["made-up warning"],
    }


def test_one_prediction_tells_its_own_sentence_and_several_their_ranking():
    one = render_prediction_page([prediction()])
    assert "fake-mlp on fake-task" in one and "From easy to hard" not in one and "repeats the run" not in one
    page = render_prediction_page(
        [prediction(), prediction(task="other")],
        ranking=ranking("fake-task", "other"),
        command="tangentlab predict",
    )
    assert "One before the other." in page and "From easy to hard" in page and "repeats the run" in page
    for number in ("10.0", "5.0% to 15.0%", "0.123", "0.31"):
        assert number in page, number


def test_values_are_told_as_a_share_of_the_variance():
    page = render_prediction_page([prediction(decides=False)])
    assert "variance unexplained" in page and "expected error (%)" not in page


def test_the_table_holds_every_size():
    lines = predictions_csv([prediction(), prediction(decides=False)]).splitlines()
    assert len(lines) == 7 and lines[1].startswith("fake-mlp,fake-task,25,") and ",,,,0.91" in lines[4]
    assert all(line.count(",") == lines[0].count(",") for line in lines)


def test_a_diagnosis_tells_kernel_and_training():
    page = render_diagnosis_page(diagnosis(), command="tangentlab diagnose")
    for words in ("stays lazy", "made-up warning", "its lower bound", "8.0", "Foretold and reached", "1,234"):
        assert words in page, words
    figures = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])[
        "figures"
    ]
    assert [figure["key"] for figure in figures] == [
        "foretold",
        "training",
        "spectrum",
        "energy",
        "cross-validation",
    ]


@pytest.mark.parametrize("render", [render_prediction_page, render_diagnosis_page])
def test_nothing_hostile_is_let_through(render):
    found = prediction(HOSTILE, HOSTILE) if render is render_prediction_page else diagnosis(HOSTILE)
    page = render([found] if render is render_prediction_page else found, command=HOSTILE)
    assert "<img src=x" not in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("kind", ["prediction", "diagnosis"])
def test_it_is_drawn_without_a_word_from_the_console_and_fits(browser, tmp_path, kind, width, scheme):
    path = tmp_path / "page.html"
    text = (
        render_prediction_page([prediction(), prediction(HOSTILE)], ranking=ranking("a", "b"))
        if kind == "prediction"
        else render_diagnosis_page(diagnosis(HOSTILE))
    )
    path.write_text(text)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab, said = context.new_page(), []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    tab.goto(path.as_uri())
    tab.wait_for_selector("[data-figure] .main-svg")
    assert said == [] and tab.evaluate("window.ran") is None
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
