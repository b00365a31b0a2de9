"""A diagnosis as one self-contained page: verdict, foretold and reached errors, kernel before and after, training."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from tangentlab.report.failure_table import failure_table
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.page_table import Cell, Table
from tangentlab.report.prediction_figures import cross_validation_figure, prediction_curves
from tangentlab.report.prediction_page import curve_table
from tangentlab.report.template import fill
from tangentlab.report.units_table import flat
from tangentlab.report.wording import significant

_ANCHORS = (("at initialization", "init"), ("at the trained weights", "end"))
_INTERVALS = (
    "One network was trained once: intervals are over test rows alone, paired between network and linearization, and "
    "bands of what was foretold over the rows of the kernel. Compare over seeds with `tangentlab compare`."
)


def render_diagnosis_page(found: Mapping[str, Any], *, command: str = "") -> str:
    """The page of a diagnosis, given as plain values, as text."""
    read = found["readings"]
    figures = [
        foretold_figure(found),
        loss_figure(read),
        spectrum_figure(read),
        energy_figure(read),
        cross_validation_figure([found["prediction"]]),
    ]
    return fill(
        kicker="Diagnosis of a network and its linearization",
        headline=found["headline"],
        sentences=found["sentences"],
        facts=_facts(found),
        figures=[figure for figure in figures if figure.drawn],
        tables=[error_table(found), anchor_table(read)],
        folded=[curve_table([found["prediction"]])],
        failures=failure_table([]),
        warnings=[(text, "") for text in found["warnings"]],
        settings=_settings(found),
        machines=[],
        spec_text=json.dumps(found, indent=1, ensure_ascii=False),
        command=command,
        place="",
        csv=_csv(read),
        units="Settings",
        intervals=_INTERVALS,
    )


def foretold_figure(found: Mapping[str, Any]) -> Figure:
    """The curve foretold before training, with what network and linearization then reached."""
    drawn = prediction_curves([found["prediction"]])
    panel, read = drawn.panels[0], found["readings"]
    foretold, *others = panel.series
    named = Series(
        "foretold", "ridge-init", foretold.x, foretold.y, foretold.low, foretold.high, foretold.notes, band=True
    )
    reached = tuple(
        Series(
            name,
            role,
            x=(float(read["rows"]),),
            y=(100 * read["learners"][name]["test_error"],),
            notes=(f"{name}, trained\n{100 * read['learners'][name]['test_error']:.1f}%",),
            line=False,
        )
        for name, role in (("linearization", "linear-init"), ("network", "network"))
    )
    return Figure(
        "foretold",
        "Foretold and reached",
        "Line and 95% band: what kernel regression with the initial kernel is expected to get wrong on new rows. "
        "Points: what the linearization and the network did after the same descent, on test rows.",
        x=drawn.x,
        y=drawn.y,
        panels=(Panel(panel.title, (named, *reached, *others)),),
    )


def spectrum_figure(read: Mapping[str, Any]) -> Figure:
    """Leading eigenvalues before and after training."""
    return Figure(
        "spectrum",
        "Spectrum of the kernel before and after training",
        "Leading eigenvalues of the kernel on the training rows.",
        x=Axis("eigenvalue number", log=True),
        y=Axis("eigenvalue", log=True),
        panels=(Panel("Eigenvalues", _anchored(read, "spectrum", scale=1.0, unit="")),),
    )


def energy_figure(read: Mapping[str, Any]) -> Figure:
    """How much of the targets lies in the leading directions, before and after training."""
    return Figure(
        "energy",
        "Where the targets lie",
        "Share of the targets' energy in the first eigenvectors of the kernel. What lies in few of them is learnt "
        "early and from few samples.",
        x=Axis("eigenvectors", log=True),
        y=Axis("share of the targets (%)"),
        panels=(Panel("Targets", _anchored(read, "target_energy", scale=100.0, unit="%")),),
    )


def _anchored(read: Mapping[str, Any], key: str, *, scale: float, unit: str) -> tuple[Series, ...]:
    found = []
    for name, anchor in _ANCHORS:
        pairs = [(float(k + 1), scale * float(v)) for k, v in enumerate(read["anchors"][anchor][key]) if v > 0]
        notes = tuple(f"{name}, number {k:.0f}\n{significant(v)}{unit}" for k, v in pairs)
        xs, ys = zip(*pairs) if pairs else ((), ())
        found.append(Series(name, anchor, x=tuple(xs), y=tuple(ys), notes=notes, markers=False))
    return tuple(found)


def loss_figure(read: Mapping[str, Any]) -> Figure:
    """Loss on the mini-batches of network and linearization, the same batches for both, averaged over stretches."""
    series = []
    for name, role in (("network", "network"), ("linearization", "linear-init")):
        history = read["history"][name]
        pairs = [(step, loss) for step, loss in zip(history["step"], history["loss"]) if loss > 0]
        xs, ys = zip(*pairs) if pairs else ((), ())
        notes = tuple(f"{name}, step {step:,.0f}\n{significant(loss)}" for step, loss in pairs)
        series.append(Series(name, role, x=tuple(xs), y=tuple(ys), notes=notes, markers=False))
    return Figure(
        "training",
        "Training",
        "Loss on mini-batches, the same for both, averaged over stretches of steps.",
        x=Axis("step"),
        y=Axis("loss", log=True),
        panels=(Panel("Loss", tuple(series)),),
    )


def error_table(found: Mapping[str, Any]) -> Table:
    """Network and linearization on train and test rows."""
    read = found["readings"]
    rows = tuple(
        (
            Cell(name, style="name"),
            *(Cell(f"{100 * one[f'{part}_error']:.1f}", style="number") for part in ("train", "test")),
            *(Cell(significant(one[f"{part}_loss"]), style="number") for part in ("train", "test")),
            Cell(significant(read["learning_rates"][name]), style="number"),
        )
        for name, one in read["learners"].items()
    )
    what = "error" if "error" in found["prediction"] else "unexplained variance"
    return Table(
        "errors",
        "After training",
        note="The same descent on the same batches; a rate too large for the linearization is lowered to nine tenths "
        "of the largest stable one.",
        columns=("", f"train {what} %", f"test {what} %", "train loss", "test loss", "learning rate"),
        rows=rows,
    )


def anchor_table(read: Mapping[str, Any]) -> Table:
    """Every measure of the kernel, before and after."""
    told = [
        ("trace", ("trace",)),
        ("effective rank", ("effective_rank",)),
        ("largest eigenvalue, share of the trace", ("top_share",)),
        ("exponent of the spectrum", ("power_law_exponent",)),
        ("alignment, Rayleigh quotient", ("alignment", "rayleigh")),
        ("alignment, share of the trace", ("alignment", "trace_normalized")),
        ("alignment, unbiased", ("alignment", "unbiased")),
        ("alignment with the target kernel", ("alignment", "target")),
        ("alignment, centred (CKA)", ("alignment", "centered")),
        ("norm yᵀK⁻¹y", ("complexity", "norm")),
        ("its lower bound ‖y‖⁴/yᵀKy", ("complexity", "lower_bound")),
        ("norm · trace / n²", ("complexity", "normalized")),
        ("stable learning rate", ("stable_learning_rate",)),
    ]
    rows = []
    for words, path in told:
        values = [_nested(read["anchors"][anchor], path) for _, anchor in _ANCHORS]
        rows.append((Cell(words, style="name"), *(Cell(significant(value), style="number") for value in values)))
    return Table(
        "kernel",
        "The kernel on the training rows",
        note="The unbiased alignment is about 0 for labels without structure. Rate: full batch, of the task's loss.",
        columns=("", *(name for name, _ in _ANCHORS)),
        rows=tuple(rows),
    )


def _nested(values: Any, path: tuple[str, ...]) -> float | None:
    for name in path:
        values = values[name]
    return None if values is None else float(values)


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    read = found["readings"]
    return [
        ("verdict", found["regime"]),
        ("kernel turned by", f"{read['kernel_distance']:.3f}"),
        ("apart from its linearization", f"{100 * read['function_gap']:.0f}%"),
        ("weights moved by", f"{100 * read['relative_distance']:.0f}%"),
        ("training rows", f"{read['rows']:,}"),
        ("test rows", f"{read['test_rows']:,}"),
    ]


def _settings(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    read = found["readings"]
    told = [("network", found["prediction"]["kernel"]), ("parameters", f"{read['parameters']:,}")]
    told += [(name.replace("_", " "), str(value)) for name, value in read["descent"].items()]
    return [*told, ("ridge", f"{found['prediction']['ridge']} of the kernel's mean diagonal")]


def _csv(read: Mapping[str, Any]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["reading", "value"])
    writer.writerows(flat(read).items())
    return buffer.getvalue()
