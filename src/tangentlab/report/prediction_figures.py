"""Figures of predictions made before training: expected learning curves, and cross-validation against the ridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.wording import shortened, significant

ROLES = ("linear-init", "ridge-init", "ink-1", "ink-2", "ink-4", "ink-5")
MOST_PANELS = 6


def prediction_curves(found: Sequence[Mapping[str, Any]]) -> Figure:
    """Expected error against samples with its band: a panel a task, a line a network, and the best constant.

    >>> prediction_curves([]).drawn
    False
    """
    tasks, panels = list(dict.fromkeys(each["task"] for each in found)), []
    networks = list(dict.fromkeys(each["network"] for each in found))
    for task in tasks:
        drawn = []
        for each in found:
            if each["task"] == task:
                role = ROLES[networks.index(each["network"]) % len(ROLES)]
                drawn.append(_curve(each, role))
        sizes = tuple(float(n) for n in found[0]["samples"])
        constant = next(each for each in found if each["task"] == task)
        level = 100.0 if constant["constant_error"] is None else 100 * constant["constant_error"]
        drawn.append(
            Series(
                "best constant",
                "undecided",
                x=(sizes[0], sizes[-1]),
                y=(level, level),
                notes=(f"best constant\n{level:.1f}%",) * 2,
                markers=False,
                thin=True,
            )
        )
        panels.append(Panel(shortened(task), tuple(drawn), group="all"))
    values = bool(found) and found[0]["goal"] == "values"
    return Figure(
        "prediction",
        "Expected learning curve",
        "What the linearization is expected to get wrong on new rows, by the number of samples it learns from. "
        "Shaded: 95% band.",
        x=Axis("samples", log=True, ticks=_ticks(found)),
        y=Axis("variance unexplained (%)" if values else "expected error (%)"),
        panels=tuple(panels[:MOST_PANELS]),
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def cross_validation_figure(found: Sequence[Mapping[str, Any]]) -> Figure:
    """Generalized cross-validation on all rows against the ridge.

    >>> cross_validation_figure([]).drawn
    False
    """
    networks, panels = list(dict.fromkeys(each["network"] for each in found)), []
    for task in dict.fromkeys(each["task"] for each in found):
        drawn = []
        for each in found:
            if each["task"] == task:
                shares, values = each["gcv"]["ridge_shares"], each["gcv"]["values"]
                drawn.append(
                    Series(
                        each["network"],
                        ROLES[networks.index(each["network"]) % len(ROLES)],
                        x=tuple(shares),
                        y=tuple(values),
                        notes=tuple(
                            f"{each['network']}, ridge {significant(s)} of the mean diagonal\n{significant(v)}"
                            for s, v in zip(shares, values)
                        ),
                    )
                )
        panels.append(Panel(shortened(task), tuple(drawn), group="all"))
    return Figure(
        "cross-validation",
        "Which ridge, by cross-validation",
        "Generalized cross-validation of the squared error on all rows, mean over initializations.",
        x=Axis("ridge, as a share of the kernel's mean diagonal", log=True),
        y=Axis("squared error", log=True),
        panels=tuple(panels[:MOST_PANELS]),
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def _curve(each: Mapping[str, Any], role: str) -> Series:
    band, scale = each.get("error"), 100.0
    if band is None:
        band, scale = each["mse"], 100 / each["constant_mse"]
    value, low, high = (tuple(scale * v for v in band[side]) for side in ("value", "low", "high"))
    return Series(
        each["network"],
        role,
        x=tuple(float(n) for n in each["samples"]),
        y=value,
        low=low,
        high=high,
        notes=tuple(
            f"{each['network']}, n = {n:,}\n{v:.1f}% ({a:.1f} to {b:.1f})"
            for n, v, a, b in zip(each["samples"], value, low, high)
        ),
        band=True,
    )


def _ticks(found: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, str], ...] | None:
    sizes = sorted({int(n) for each in found for n in each["samples"]})
    return tuple((float(n), f"{n:,}") for n in sizes) if len(sizes) <= 8 else None
