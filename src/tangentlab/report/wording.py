"""Numbers and lists as the sentences, tables and figures say them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tangentlab.report.intervals import Interval


def signed_points(fraction: float, *, digits: int = 1) -> str:
    """A difference of accuracies in percentage points, with its sign.

    >>> signed_points(0.0421), signed_points(-0.003), signed_points(0.0)
    ('+4.2', '−0.3', '0.0')
    """
    text = f"{abs(100 * fraction):.{digits}f}"
    return text if float(text) == 0 else ("+" if fraction > 0 else "−") + text


def points_interval(interval: Interval) -> str:
    """The bounds of an interval of a difference, in points and rounded outwards, or that one seed has none.

    >>> points_interval(Interval(0.04, 0.0312, 0.0528, 3)), points_interval(Interval(0.04, None, None, 1))
    ('+3.1 to +5.3', 'no interval from 1 seed')
    >>> points_interval(Interval(0.01, 0.0004, 0.02, 3))          # never so far that zero seems to be inside
    '+0.04 to +2.00'
    """
    if interval.low is None or interval.high is None:
        return f"no interval from {count(interval.n, 'seed')}"
    for digits in (1, 2, 3):
        scale = 100 * 10**digits
        low, high = math.floor(interval.low * scale) / scale, math.ceil(interval.high * scale) / scale
        if (low > 0) == (interval.low > 0) and (high < 0) == (interval.high < 0):
            break
    return f"{signed_points(low, digits=digits)} to {signed_points(high, digits=digits)}"


def percent(level: float) -> str:
    """A confidence level.

    >>> percent(0.95), percent(0.975)
    ('95%', '97.5%')
    """
    return f"{100 * level:.4g}%"


def percent_range(low: float, high: float) -> str:
    """The bounds of a share, in percent.

    >>> percent_range(0.0721, 0.09)
    '7.2% to 9.0%'
    """
    return f"{100 * low:.1f}% to {100 * high:.1f}%"


def significant(value: float | None, digits: int = 3) -> str:
    """A number with a few significant digits, as a person writes it.

    >>> significant(0.00012345), significant(12345.6), significant(1.5e9), significant(None)
    ('0.000123', '12,346', '1.50×10⁹', '–')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])  # that of the rounded number: 9.999 is 10.0
    if -5 < exponent < 7:
        text = f"{abs(value):,.{max(digits - 1 - exponent, 0)}f}"
    else:
        power = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        text = f"{abs(value):.{digits - 1}e}".partition("e")[0] + f"×10{power}"
    return ("−" if value < 0 else "") + text


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun.

    >>> count(1, "seed"), count(1200, "seed"), count(2, "batch", "batches")
    ('1 seed', '1,200 seeds', '2 batches')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def joined(names: Sequence[str]) -> str:
    """Names as a list in a sentence.

    >>> joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def shortened(text: str, length: int = 28) -> str:
    """At most `length` characters, without line breaks or characters that turn the direction of a line.

    >>> shortened("a" * 40, 8), shortened("up" + chr(0x202E) + "down"), shortened("two" + chr(10) + "lines")
    ('aaaaaaa…', 'up�down', 'two lines')
    """
    text = " ".join(text.split())
    turning = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)}
    text = "".join("�" if c in turning or ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 else c for c in text)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
