"""Every figure and every number that README and docs show: `make figures`, or `--draw` from the readings kept here.

Runs two comparisons (a few minutes on two cores), keeps their readings beside this file, and draws from those
alone, so that a figure can be changed without a rerun and a number can be checked against its source.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CURVES = {
    "networks": ["mlp", "lenet"],
    "tasks": ["group:0-4", "parity:3,20"],
    "data": "digits",
    "samples": [60, 120, 250, 500, 1000],
    "seeds": 5,
    "ridge": "leave-one-out",
}
"""The comparison of the README's figure; parity is not made of images, so lenet sits that one out."""

FIRST_RUN: dict[str, Any] = {}
"""What `tangentlab compare` runs without options."""

KEPT = ("network", "task", "samples", "seed", "learner", "train_accuracy", "test_accuracy")
FORETELLING = ("init_alignment_trace_normalized", "init_complexity_normalized")
WORDS = {
    "network": "network",
    "linear-init": "linearization at initialization",
    "linear-end": "linearization at the trained weights",
    "ridge-init": "kernel regression at initialization",
    "ridge-end": "kernel regression at the trained weights",
}
PANELS = (
    ("mlp", "group:0-4", "MLP", "digits 0–4 against 5–9"),
    ("lenet", "group:0-4", "LeNet", "digits 0–4 against 5–9"),
    ("mlp", "parity:3,20", "MLP", "parity of 3 of 20 signs"),
)


def compute(name: str, options: dict[str, Any], *, columns: tuple[str, ...], jobs: int) -> None:
    """Run a comparison and keep the columns of its rows, its verdict and its size."""
    import tangentlab as tl

    def progress(done: int, total: int) -> None:
        print(
            f"\r{name}: {done} of {total} cells",
            end="" if done < total else "\n",
            file=sys.stderr,
            flush=True,
        )

    results = tl.compare(**options, jobs=jobs, progress=progress)
    rows = results.rows()
    with open(HERE / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _rounded(row[key]) for key in columns} for row in rows)
    kept = (
        "networks",
        "tasks",
        "samples",
        "seeds",
        "test_samples",
        "learners",
        "descent",
        "ridge",
        "dtype",
    )
    summary = {
        "command": "make figures",
        "tangentlab": tl.__version__,
        "spec": {key: results.spec[key] for key in kept},
        "cells": len(results.records),
        "failed": len(results.failed),
        "headline": results.verdict.headline,
        "sentences": list(results.verdict.sentences),
    }
    if name == "curves":
        summary["accuracy"] = accuracies(read(name))
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def read(name: str) -> list[dict[str, Any]]:
    """The readings kept, numbers as numbers."""
    with open(HERE / f"{name}.csv", newline="", encoding="utf-8") as file:
        words = ("network", "task", "learner")
        return [
            {k: v if k in words else float(v) for k, v in row.items()}
            for row in csv.DictReader(file)
        ]


def accuracies(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Mean test accuracy and its 95% interval over seeds, in percent, for each learner at each point."""
    from tangentlab.report.intervals import mean_interval

    groups: dict[str, list[float]] = {}
    for row in rows:
        key = f"{row['network']} · {row['task']} · {row['samples']:.0f} · {row['learner']}"
        groups.setdefault(key, []).append(100 * row["test_accuracy"])
    found = {}
    for key, values in groups.items():
        interval = mean_interval(values)
        found[key] = [round(v, 1) for v in (interval.mean, interval.low, interval.high)]
    return found


def begin(theme: str) -> tuple[Any, dict[str, str]]:
    """matplotlib in the colours of the report, with text as text and nothing that changes from run to run."""
    import matplotlib

    from tangentlab.report.palette import SURFACE

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    surface = SURFACE[theme]
    plt.rcParams.update(
        {
            "svg.hashsalt": "tangentlab",
            "svg.fonttype": "path",
            "font.size": 9.5,
            "axes.edgecolor": surface["muted"],
            "axes.labelcolor": surface["ink"],
            "axes.facecolor": surface["ground"],
            "figure.facecolor": surface["ground"],
            "text.color": surface["ink"],
            "xtick.color": surface["muted"],
            "ytick.color": surface["muted"],
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
        }
    )
    return plt, surface


def draw_curves(theme: str) -> Path:
    """Test accuracy of the network and its four linear companions against samples."""
    from matplotlib.ticker import NullLocator

    from tangentlab.report.palette import STROKES

    plt, surface = begin(theme)
    points = accuracies(read("curves"))
    sizes = CURVES["samples"]
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.9), sharey=True)
    for axis, (network, task, name, about) in zip(axes, PANELS):
        for place, learner in enumerate(WORDS):
            stroke = STROKES[learner]
            shift = 1.035 ** (place - 2)
            drawn = [points[f"{network} · {task} · {n} · {learner}"] for n in sizes]
            mean, low, high = zip(*drawn)
            colour = getattr(stroke, theme)
            axis.errorbar(
                [n * shift for n in sizes],
                mean,
                yerr=[
                    [m - lo for m, lo in zip(mean, low)],
                    [hi - m for m, hi in zip(mean, high)],
                ],
                color=colour,
                linewidth=stroke.width * 0.75,
                elinewidth=0.9,
                linestyle="--" if stroke.dash == "dash" else "-",
                marker={"circle": "o", "square": "s", "diamond": "D"}[
                    stroke.marker.removesuffix("-open")
                ],
                markersize=4.5 if "diamond" not in stroke.marker else 4,
                markerfacecolor=surface["ground"] if "open" in stroke.marker else colour,
                markeredgewidth=1.1,
                zorder=3 if learner == "network" else 2,
                label=WORDS[learner],
            )
        axis.axhline(50, color=surface["zero"], linewidth=0.8, linestyle=":", zorder=1)
        axis.set_xscale("log")
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel("training samples")
        axis.grid(axis="y", color=surface["rule"], linewidth=0.7)
        axis.set_axisbelow(True)
        axis.set_title(
            name, loc="left", fontsize=11, fontweight="bold", pad=18, color=surface["ink"]
        )
        axis.text(
            0, 1.03, about, transform=axis.transAxes, fontsize=9.5, color=surface["muted"]
        )
    axes[0].set_ylim(42, 102)
    axes[0].set_ylabel("test accuracy, %")
    axes[0].text(sizes[-1], 50.6, "chance", ha="right", fontsize=8.5, color=surface["muted"])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower center",
        ncol=3,
        frameon=False,
        fontsize=9.5,
        columnspacing=2.2,
    )
    figure.tight_layout(rect=(0, 0.125, 1, 1), w_pad=1.6)
    return save(figure, f"learning_curves_{theme}.svg")


def draw_foretelling(theme: str) -> Path:
    """What the initial kernel says of six tasks, against how hard the networks find them."""
    from tangentlab.report.intervals import mean_interval
    from tangentlab.report.palette import STROKES

    plt, surface = begin(theme)
    rows = [r for r in read("first_run") if r["learner"] == "network" and r["samples"] == 300]
    figure, axes = plt.subplots(1, 2, figsize=(7.6, 3.5), sharey=True)
    told = (
        "alignment yᵀKy/(‖y‖² tr K), large is easy",
        "complexity yᵀK⁻¹y tr K/n², small is easy",
    )
    for axis, column, about in zip(axes, FORETELLING, told):
        for network, role, marker in (("mlp", "network", "o"), ("lenet", "ink-1", "D")):
            colour = getattr(STROKES[role], theme)
            for task in sorted({row["task"] for row in rows}):
                ours = [r for r in rows if (r["network"], r["task"]) == (network, task)]
                error = mean_interval([100 - 100 * r["test_accuracy"] for r in ours])
                placed = math.exp(sum(math.log(r[column]) for r in ours) / len(ours))
                noise = task.startswith("random")
                axis.errorbar(
                    placed,
                    error.mean,
                    yerr=[[error.mean - max(error.low, 0)], [error.high - error.mean]],
                    color=colour,
                    marker=marker,
                    markersize=6,
                    markerfacecolor=surface["ground"] if noise else colour,
                    elinewidth=1,
                    linestyle="none",
                    label=f"{network}, {'random labels' if noise else 'groups of digits'}",
                )
        axis.set_xscale("log")
        axis.set_xlabel(about)
        axis.set_ylim(-2, 58)
        axis.grid(axis="y", color=surface["rule"], linewidth=0.7)
        axis.set_axisbelow(True)
    axes[0].set_ylabel("test error of the network, %")
    handles = dict(zip(*reversed(axes[0].get_legend_handles_labels())))
    figure.legend(
        handles.values(), handles.keys(), loc="lower center", ncol=4, frameon=False, fontsize=9
    )
    figure.tight_layout(rect=(0, 0.08, 1, 1), w_pad=2)
    return save(figure, f"foretelling_{theme}.svg")


def save(figure: Any, name: str) -> Path:
    path = HERE / name
    figure.savefig(path, metadata={"Date": None, "Creator": "docs/figures/make_figures.py"})
    return path


FIGURES = {
    "learning_curves_light.svg": (draw_curves, "light"),
    "learning_curves_dark.svg": (draw_curves, "dark"),
    "foretelling_light.svg": (draw_foretelling, "light"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--draw", action="store_true", help="draw from the readings kept, run nothing"
    )
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if not options.draw:
        compute("curves", CURVES, columns=KEPT, jobs=options.jobs)
        compute("first_run", FIRST_RUN, columns=KEPT + FORETELLING, jobs=options.jobs)
    for draw, theme in FIGURES.values():
        path = draw(theme)
        print(f"{path.relative_to(HERE.parents[1])}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
