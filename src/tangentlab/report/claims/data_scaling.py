"""Claims of data scaling: exponents of the network and of its kernels, and how far the after-kernel is the network.

The paper speaks of settings in which networks scale better; its data are millions of images that look like CIFAR-10,
its networks wider, so that "falls" and "cannot tell" here are about the settings of the study alone. A claim that such
settings exist is read from the best of them, at a level that allows for the choice (Bonferroni); a claim about all of
them from the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tangentlab.records import Record
from tangentlab.report.claims.claim import Claim, Statistic
from tangentlab.report.error_curves import CHOSEN, NAMES, RIDGELESS, Contested, contested
from tangentlab.report.intervals import Interval
from tangentlab.report.power_law import exponent_gap, over_seeds
from tangentlab.report.wording import count, significant

_SOURCE = "Vyas et al. 2022, scaling in the number of samples; data, networks and numbers of rows are ours"
_RULE = "ridge chosen by held-out rows"


def _gap(place: Contested, kernel: str, *, ridge: str = CHOSEN, level: float = 0.95):
    return exponent_gap(place.curves("network"), place.curves(kernel, ridge=ridge), level=level)


def _told(place: Contested, kernel: str) -> str:
    """The place, errors at both ends, what a near-ridgeless regression gives, and why there may be no exponent.

    Both ends, for a network that does worse than its kernel on few rows has the larger exponent as well.
    """
    ridgeless, chosen = _gap(place, kernel, ridge=RIDGELESS), _gap(place, kernel)
    parts = [f"{place.network} on {place.task}", _ends(place, kernel)]
    if ridgeless.gap is not None:
        parts.append(f"near-ridgeless {significant(ridgeless.gap.mean)}")
    if chosen.refusal:
        named = chosen.refusal.replace("the first", "the network's curve").replace(
            "the second", "the kernel's curve"
        )
        parts.append(named)
    return "; ".join(parts)


def _ends(place: Contested, kernel: str) -> str:
    """Mean errors on the fewest and on the most rows that both have."""
    told = []
    shared = sorted(set(place.means("network")) & set(place.means(kernel)))
    for name in ("network", kernel):
        means = place.means(name)
        told.append(f"{NAMES[name]} {means[shared[0]]:.3f} to {means[shared[-1]]:.3f}")
    return f"error on {shared[0]:,} to {count(shared[-1], 'row')}: {', '.join(told)}"


def _of_gaps(kernel: str, *, best: bool) -> Callable[[Sequence[Record]], Statistic | None]:
    """The exponent gap to a kernel in the setting that speaks most for it, or least."""

    def statistic(records: Sequence[Record]) -> Statistic | None:
        places = [place for place in contested(records) if {"network", kernel} <= set(place.learners)]
        level = 1 - 0.05 / max(1, len(places)) if best else 0.95
        found = [
            (each.gap, place, each.refusal) for place in places if (each := _gap(place, kernel, level=level)).gap
        ]
        if not found:
            return None
        gap, place, refusal = (max if best else min)(found, key=lambda each: _low(each[0]))
        words = _told(place, kernel)
        if best and len(places) > 1:
            words += f"; the best of {len(places)} settings, its interval at {level:.4g}"
        if refusal:
            return Statistic(gap.mean, None, None, gap.n, words)
        return Statistic(gap.mean, gap.low, gap.high, gap.n, words)

    return statistic


def _low(interval: Interval) -> float:
    return interval.mean if interval.low is None else interval.low


def _after_is_the_network(records: Sequence[Record]) -> Statistic | None:
    """|error of the after-kernel − error of the network|, mean over rows, in the setting where it is largest."""
    found = []
    for place in contested(records):
        sizes, signed = {}, {}
        for seed, points in place.curves("after").items():
            network = {point.rows: point.error for point in place.curves("network").get(seed, [])}
            differences = [point.error - network[point.rows] for point in points if point.rows in network]
            if differences:
                sizes[seed] = sum(map(abs, differences)) / len(differences)
                signed[seed] = sum(differences) / len(differences)
        if sizes:
            found.append((over_seeds(list(sizes.values())), place, sum(signed.values()) / len(signed)))
    if not found:
        return None
    size, place, mean = max(found, key=lambda each: each[0].mean)
    return Statistic.of(size, words=f"{place.network} on {place.task}; with its sign {mean:+.4f}")


def _no_gap_on_fashion(records: Sequence[Record]) -> Statistic | None:
    """The largest exponent gap to the initial kernel on two groups of Fashion-MNIST."""
    kept = [record for record in records if record.spec.get("data") == "fashion-mnist"]
    found = [
        (each.gap, place) for place in contested(kept) if _halves(place) and (each := _gap(place, "initial")).gap
    ]
    if not found:
        return None
    gap, place = max(found, key=lambda each: each[0].mean if each[0].high is None else each[0].high)
    return Statistic(gap.mean, gap.low, gap.high, gap.n, _told(place, "initial"))


def _halves(place: Contested) -> bool:
    return {record.spec.get("task") for record in place.records} <= {"halves", "group:0-4"}


CLAIMS = (
    Claim(
        id="CB1",
        statement="There are settings in which the network's error falls with a larger exponent of the number of rows "
        "than that of its initial kernel.",
        source=_SOURCE,
        study="data-scaling",
        measured=f"exponent of the network less that of the initial kernel ({_RULE}), best setting",
        threshold=0.0,
        above=True,
        statistic=_of_gaps("initial", best=True),
    ),
    Claim(
        id="CB1-infinite",
        statement="There are settings in which it falls with a larger exponent than that of the infinite-width kernel.",
        source=_SOURCE,
        study="data-scaling",
        measured=f"exponent of the network less that of the infinite-width kernel ({_RULE}), best setting",
        threshold=0.0,
        above=True,
        statistic=_of_gaps("infinite", best=True),
    ),
    Claim(
        id="CB4",
        statement="A kernel trained on a constant number of rows does not catch up with the network as rows are added.",
        source=_SOURCE,
        study="data-scaling",
        measured=f"exponent of the network less that of the constant after-kernel ({_RULE}), worst setting",
        threshold=0.0,
        above=True,
        statistic=_of_gaps("after-constant", best=False),
    ),
    Claim(
        id="CB5",
        statement="The kernel of the network trained on the same rows errs as the network does.",
        source=_SOURCE,
        study="data-scaling",
        measured="size of the difference of their test errors, mean over rows, worst setting",
        threshold=0.03,
        above=False,
        statistic=_after_is_the_network,
    ),
    Claim(
        id="control-fashion",
        statement="On two groups of Fashion-MNIST, with ridges chosen well, the network's exponent is not much larger "
        "than its initial kernel's: a negative control.",
        source="negative control for Vyas et al. 2022; threshold from a pilot on other seeds",
        study="data-scaling",
        measured=f"exponent of the network less that of the initial kernel ({_RULE}), largest of the networks",
        threshold=0.1,
        above=False,
        statistic=_no_gap_on_fashion,
    ),
)
