"""How a value looks as text: names from outside made harmless, numbers made readable."""

import math
import time

UNKNOWN = "?"
_UNITS = ("B", "kB", "MB", "GB", "TB")
_YEAR_10000 = 253_402_300_800.0  # seconds since 1970


def safe(text: str) -> str:
    r"""``text`` without anything that could steer a terminal or break a line.

    Control and format characters (right-to-left overrides too), line separators and lone surrogates
    are shown as escapes: ``\n``, ``\x1b``, ``\u202e``, ``\udc80``.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def count(number: int) -> str:
    """``number`` with thousands marked: 5,312."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """``number`` and ``noun``, which takes an s unless there is exactly one: 1 image, 5,312 images."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def rate(per_s: float) -> str:
    """About three digits of ``per_s``: 0.42, 54.3, 1,240."""
    if not math.isfinite(per_s):
        return UNKNOWN
    if per_s < 1:
        return f"{per_s:.2f}"
    return f"{per_s:.1f}" if per_s < 99.95 else f"{per_s:,.0f}"


def percent(part: float, whole: float) -> str:
    """``part`` of ``whole``: 40 %; 100 % only when nothing is missing."""
    if whole <= 0:
        return "-"
    shown = round(100 * part / whole)
    return f"{min(shown, 99) if part < whole else shown} %"


def duration(seconds: float) -> str:
    """A length of time for a sentence: 12.3 s, 3 min 05 s, 2 h 01 min 05 s."""
    if not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min {rest_s:02} s" if hours else f"{minutes} min {rest_s:02} s"


def short_time(seconds: float) -> str:
    """The time of one image for a table: 8.4 ms, 18 ms, 1.24 s; a dash for 0, which means none."""
    if not math.isfinite(seconds):
        return UNKNOWN
    if seconds <= 0:
        return "-"
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.2f} s"


def moment(since_1970_s: float) -> str:
    """A point in time, here: 2026-11-22 16:52; ? for 0, which means not known."""
    if not 0 < since_1970_s < _YEAR_10000:
        return UNKNOWN
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(since_1970_s))


def size(number: int) -> str:
    """A number of bytes for a table: 812 B, 18 kB, 1.24 MB; a dash for 0, which means none."""
    if number <= 0:
        return "-"
    power = 0
    while power + 1 < len(_UNITS) and number >= 999.5 * 1000**power:
        power += 1
    return f"{number / 1000**power:.3g} {_UNITS[power]}"


def area(width_px: int, height_px: int) -> str:
    """The size of an image: 1600 x 1200 px; ? for 0, which means not known."""
    return f"{width_px} x {height_px} px" if width_px and height_px else UNKNOWN


def clock(seconds: float) -> str:
    """A running time, to the second begun: 0:03, 12:40, 2:01:05."""
    if not math.isfinite(seconds):
        return UNKNOWN
    minutes, rest_s = divmod(max(0, math.ceil(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"
