"""Figures of what moved: spectra, alignment, complexity, kernel distance and training loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tangentlab.report.comparison import Comparison, Setting, nested
from tangentlab.report.comparison_figures import MOST_PANELS, samples_ticks
from tangentlab.report.figure import Axis, Figure, Panel, Series
from tangentlab.report.intervals import mean_interval
from tangentlab.report.wording import count, shortened, significant

ANCHORS = (("at initialization", "init"), ("at the trained weights", "end"))


def spectrum_figure(comparison: Comparison) -> Figure:
    """Leading eigenvalues at both anchors for the largest size, on log-log axes.

    >>> spectrum_figure(Comparison.of([])).drawn
    False
    """

    def drawn(setting: Setting) -> tuple[Series, ...]:
        return tuple(s for name, key in ANCHORS if (s := _spectrum(comparison, setting, name, key)))

    panels = _at_largest_size(comparison, drawn)
    return Figure(
        "spectrum",
        "Spectrum of the tangent kernel",
        "Leading eigenvalues of the kernel on the training samples, at the largest sample size. Line: geometric mean "
        "over seeds; band: least to greatest.",
        x=Axis("eigenvalue number", log=True),
        y=Axis("eigenvalue", log=True),
        panels=panels[:MOST_PANELS],
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def alignment_figure(comparison: Comparison) -> Figure:
    """Trace-normalised alignment of kernel and targets at both anchors against the number of samples.

    >>> alignment_figure(Comparison.of([])).drawn
    False
    """
    return _anchors_figure(
        comparison,
        ("alignment", "trace_normalized"),
        key="alignment",
        title="Alignment of kernel and targets",
        caption="Trace-normalised alignment yᵀKy / (‖y‖² tr K), mean over seeds with a 95% Student-t interval. The "
        "more of the kernel's trace lies along the targets, the faster they are learnt.",
        y=Axis("alignment"),
    )


def complexity_figure(comparison: Comparison) -> Figure:
    """Normalised yᵀK⁻¹y at both anchors against the number of samples.

    >>> complexity_figure(Comparison.of([])).drawn
    False
    """
    return _anchors_figure(
        comparison,
        ("complexity", "normalized"),
        key="complexity",
        title="Complexity of the targets",
        caption="Normalised yᵀK⁻¹y, geometric mean over seeds with a 95% Student-t interval: how long a way "
        "the linear learner must go to fit the targets. Less is easier.",
        y=Axis("normalised yᵀK⁻¹y", log=True),
    )


def distance_figure(comparison: Comparison) -> Figure:
    """Distance between the kernels at both anchors against the number of samples, a line a task.

    >>> distance_figure(Comparison.of([])).drawn
    False
    """
    panels = []
    for network in comparison.networks:
        drawn = []
        for place, task in enumerate(comparison.tasks):
            settings = [Setting(network, task, n) for n in comparison.sizes]
            name, role = shortened(task, 22), f"ink-{place % 6 + 1}"
            series = _over_sizes(comparison, settings, ("kernel_distance",), name=name, role=role)
            if series:
                drawn.append(series)
        if drawn:
            panels.append(Panel(shortened(network), tuple(drawn)))
    return Figure(
        "kernel-distance",
        "How far the kernel moved",
        "Distance between the kernel at initialization and at the trained weights (0: the same up to scale, and the "
        "linearization is exact), mean over seeds with a 95% Student-t interval.",
        x=Axis("samples", log=True, ticks=samples_ticks(comparison.sizes)),
        y=Axis("kernel distance"),
        panels=tuple(panels[:MOST_PANELS]),
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def history_figure(comparison: Comparison) -> Figure:
    """Training loss of the network against steps at the largest size, a line a seed.

    >>> history_figure(Comparison.of([])).drawn
    False
    """

    def drawn(setting: Setting) -> tuple[Series, ...]:
        found = []
        for seed, record in comparison.cells.get(setting, {}).items():
            steps, losses = (_numbers(nested(record.readings, "history", name)) for name in ("step", "loss"))
            pairs = [
                (float(step), float(loss))
                for step, loss in zip(steps, losses)
                if step is not None and loss is not None and loss > 0
            ]
            if pairs:
                notes = tuple(f"seed {seed}, step {step:,.0f}\n{significant(loss)}" for step, loss in pairs)
                xs, ys = zip(*pairs)
                found.append(Series("network", "network", x=xs, y=ys, notes=notes, markers=False, thin=True))
        return tuple(found)

    panels = _at_largest_size(comparison, drawn)
    return Figure(
        "training-loss",
        "Training loss of the network",
        "Loss on the batches of the run at the largest sample size, a line a seed.",
        x=Axis("step"),
        y=Axis("training loss", log=True),
        panels=panels[:MOST_PANELS],
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def _anchors_figure(
    comparison: Comparison, path: tuple[str, ...], *, key: str, title: str, caption: str, y: Axis
) -> Figure:
    panels = []
    for network in comparison.networks:
        for task in comparison.tasks:
            settings = [Setting(network, task, n) for n in comparison.sizes]
            drawn = [
                series
                for name, anchor in ANCHORS
                if (
                    series := _over_sizes(
                        comparison, settings, ("anchors", anchor, *path), name=name, role=anchor, log=y.log
                    )
                )
            ]
            if drawn:
                panels.append(
                    Panel(f"{shortened(network, 20)} · {shortened(task, 20)}", tuple(drawn), group=network)
                )
    return Figure(
        key,
        title,
        caption,
        x=Axis("samples", log=True, ticks=samples_ticks(comparison.sizes)),
        y=y,
        panels=tuple(panels[:MOST_PANELS]),
        omitted=max(len(panels) - MOST_PANELS, 0),
    )


def _over_sizes(
    comparison: Comparison,
    settings: Sequence[Setting],
    path: tuple[str, ...],
    *,
    name: str,
    role: str,
    log: bool = False,
) -> Series | None:
    """A reading against the sizes, mean and interval over seeds; on a log axis those of its logarithm."""
    into, back = (math.log, math.exp) if log else (float, float)
    told = []
    for setting in settings:
        values = [into(v) for v in comparison.values(setting, *path).values() if v > 0 or not log]
        if values:
            told.append((setting, mean_interval(values)))
    if not told:
        return None
    return Series(
        name,
        role,
        x=tuple(float(s.samples) for s, _ in told),
        y=tuple(back(i.mean) for _, i in told),
        low=tuple(None if (low := i.bounds[0]) is None else back(low) for _, i in told),
        high=tuple(None if (high := i.bounds[1]) is None else back(high) for _, i in told),
        notes=tuple(
            f"{name}, n = {s.samples:,}\n{significant(back(i.mean))} ({count(i.n, 'seed')})" for s, i in told
        ),
    )


def _at_largest_size(comparison: Comparison, drawn: Callable[[Setting], tuple[Series, ...]]) -> tuple[Panel, ...]:
    panels = []
    for network in comparison.networks:
        for task in comparison.tasks:
            sizes = [n for n in reversed(comparison.sizes) if Setting(network, task, n) in comparison.cells]
            series = drawn(Setting(network, task, sizes[0])) if sizes else ()
            if series:
                panels.append(Panel(f"{shortened(network, 20)} · {shortened(task, 20)}", series, group=network))
    return tuple(panels)


def _spectrum(comparison: Comparison, setting: Setting, name: str, anchor: str) -> Series | None:
    found = []
    for record in comparison.cells.get(setting, {}).values():
        values = _numbers(nested(record.readings, "anchors", anchor, "spectrum"))
        if values:
            found.append(values)
    if not found:
        return None
    numbers = range(min(map(len, found)))
    logs = [[math.log(v) for values in found if (v := values[k]) is not None and v > 0] for k in numbers]
    drawn = [(k + 1, sorted(each)) for k, each in zip(numbers, logs) if each]
    mean = [math.exp(sum(each) / len(each)) for _, each in drawn]
    return Series(
        name,
        anchor,
        x=tuple(float(k) for k, _ in drawn),
        y=tuple(mean),
        low=tuple(math.exp(each[0]) for _, each in drawn),
        high=tuple(math.exp(each[-1]) for _, each in drawn),
        notes=tuple(f"{name}, number {k}\n{significant(m)}" for (k, _), m in zip(drawn, mean)),
        markers=False,
        band=True,
    )


def _numbers(values: object) -> list[float | None]:
    """A list of readings as numbers, None where one is not finite."""
    if not isinstance(values, list):
        return []
    return [float(v) if isinstance(v, (int, float)) and math.isfinite(v) else None for v in values]
