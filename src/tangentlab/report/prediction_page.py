"""Predictions made before training as one self-contained page: words, curves with bands, cross-validation, ranking."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tangentlab.report.failure_table import failure_table
from tangentlab.report.page_table import Cell, Table
from tangentlab.report.prediction_figures import cross_validation_figure, prediction_curves
from tangentlab.report.template import fill
from tangentlab.report.wording import count, percent_range, significant

_MOST_ROWS = 12
_INTERVALS = (
    "Bands of 95% are over the rows that the kernel was computed on: those it was tried on resampled, those it learnt "
    "from by the spread over random subsets; and over initializations where several were built. They say nothing of "
    "how far the trained network departs from its linearization."
)


def render_prediction_page(
    predictions: Sequence[Mapping[str, Any]], *, ranking: Mapping[str, Any] | None = None, command: str = ""
) -> str:
    """The page of predictions, as plain values, and of their ranking.

    >>> "Nothing was predicted." in render_prediction_page([])
    True
    """
    found = list(predictions)
    told = ranking if ranking is not None and len(found) > 1 else None
    first = found[0] if found else {"headline": "Nothing was predicted.", "sentences": []}
    figures = [prediction_curves(found), cross_validation_figure(found)]
    tables = [] if told is None else [ranking_table(told)]
    tables.append(initial_table(found))
    curves = curve_table(found)
    long = len(curves.rows) > _MOST_ROWS
    return fill(
        kicker="Foretold before training",
        headline=(told or first)["headline"],
        sentences=(told or first)["sentences"],
        facts=_facts(found),
        figures=[figure for figure in figures if figure.drawn],
        tables=[table for table in (*tables, *(() if long else (curves,))) if table.rows],
        folded=[curves] if long else [],
        failures=failure_table([]),
        warnings=[(text, "") for each in found for text in each["warnings"]],
        settings=_settings(found),
        machines=[],
        spec_text=json.dumps(found, indent=1, ensure_ascii=False),
        command=command,
        place="",
        csv=predictions_csv(found),
        units="Predictions",
        intervals=_INTERVALS,
    )


def ranking_table(ranking: Mapping[str, Any]) -> Table:
    """The cells from easy to hard, with bands and the ranks they may have."""
    rows = tuple(
        (
            Cell(str(each["rank"]), style="number"),
            Cell(each["network"], style="name"),
            Cell(each["name"]),
            Cell(f"{100 * each['value']:.1f}", style="number"),
            Cell(percent_range(each["low"], each["high"]), style="number"),
            Cell(f"{each['best_rank']}–{each['worst_rank']}", style="number"),
        )
        for each in ranking["cells"]
    )
    return Table(
        "ranking",
        "From easy to hard",
        note=f"By the error expected at {count(ranking['samples'], 'sample')}. Ranks: those taken in 95% of the draws.",
        columns=("rank", "network", "task", "expected error %", "95% band", "ranks"),
        rows=rows,
    )


def initial_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """What the kernel at initialization says beside the curve."""
    names = ("stable_learning_rate", "steps", "effective_rank", "alignment", "complexity")
    rows = tuple(
        (
            Cell(each["network"], style="name"),
            Cell(each["task"]),
            *(Cell(significant(each[name]), style="number") for name in names),
        )
        for each in found
    )
    return Table(
        "initial",
        "At initialization",
        note="Largest stable learning rate of the task's loss, full batch; about how many steps at nine tenths of it "
        "take nine tenths of the squared error off the training rows; exponential of the spectrum's entropy; share of "
        "the kernel's trace along the targets (more is faster); yᵀK⁻¹y tr K/n² (less is easier).",
        columns=("network", "task", "stable rate", "steps", "effective rank", "alignment", "complexity"),
        rows=rows,
    )


def curve_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Every size of every prediction, as in the figure."""
    rows = []
    for each in found:
        band = each.get("error")
        for k, n in enumerate(each["samples"]):
            first = [Cell(each["network"], style="name", rows=len(each["samples"]))] if k == 0 else []
            first += [Cell(each["task"], rows=len(each["samples"]))] if k == 0 else []
            mse = each["mse"]
            rows.append(
                (
                    *first,
                    Cell(f"{n:,}", style="number"),
                    Cell("–" if band is None else f"{100 * band['value'][k]:.1f}", style="number"),
                    Cell("–" if band is None else percent_range(band["low"][k], band["high"][k]), style="number"),
                    Cell(significant(mse["value"][k]), style="number"),
                    Cell(f"{significant(mse['low'][k])} to {significant(mse['high'][k])}", style="number"),
                    Cell(significant(each["spectrum_mse"][k]), style="number"),
                )
            )
    return Table(
        "curves",
        "Expected errors",
        note="The squared error is that of codes ±1 or centred one-hot rows, or of the values, mean over outputs; the "
        "last column has it from eigenvalues and target energies alone, as a check of one way by another.",
        columns=(
            "network",
            "task",
            "samples",
            "error %",
            "95% band",
            "squared error",
            "95% band",
            "from the spectrum",
        ),
        rows=tuple(rows),
    )


def predictions_csv(found: Sequence[Mapping[str, Any]]) -> str:
    """One row for each prediction and size.

    >>> predictions_csv([]).startswith("network,task,samples,")
    True
    """
    names = ("network", "task", "samples", "mse", "mse_low", "mse_high", "error", "error_low", "error_high")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*names, "spectrum_mse"])
    for each in found:
        for k, n in enumerate(each["samples"]):
            bands = [each[name] for name in ("mse", "error") if name in each]
            numbers = [band[side][k] for band in bands for side in ("value", "low", "high")]
            blank = [""] * (6 - len(numbers))
            writer.writerow([each["network"], each["task"], n, *numbers, *blank, each["spectrum_mse"][k]])
    return buffer.getvalue()


def _facts(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    if not found:
        return []
    first = found[0]
    facts = [
        ("rows", f"{first['rows']:,}"),
        ("initializations", f"{len(first['seeds']) or 1}"),
        ("trained", "nothing"),
    ]
    if len(found) == 1:
        facts.append(("stable learning rate", significant(first["stable_learning_rate"])))
    return facts


def _settings(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    told = {}
    for each in found:
        told[each["network"]] = each["kernel"]
        told["ridge"] = f"{each['ridge']} of the kernel's mean diagonal"
        told["momentum"] = f"{each['momentum']:g}"
    return list(told.items())
