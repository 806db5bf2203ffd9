import math
import time

import pytest

from pixfarm.console import text
from tests.unit.console.samples import HARMLESS, HOSTILE


def test_a_hostile_name_is_shown_escaped() -> None:
    assert text.safe(HOSTILE) == HARMLESS


@pytest.mark.parametrize(
    "name", ["plain.jpg", "with blank.png", "Größe.tif", "写真/猫.webp", "שלום.bmp", "back\\slash"]
)
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert text.safe(name) == name


@pytest.mark.parametrize(
    "character",
    ["\r", "\t", "\x00", "\x7f", "\x9b", "\u200f", "\u2028", "\u2066", "\ufeff", "\ud800"],
    ids=ascii,
)
def test_a_character_that_could_mislead_becomes_ascii(character: str) -> None:
    shown = text.safe(character)
    assert shown.isascii()
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("per_s", "shown"),
    [
        (0, "0.00"),
        (0.416, "0.42"),
        (1, "1.0"),
        (54.32, "54.3"),
        (99.96, "100"),
        (1239.7, "1,240"),
        (math.inf, "?"),
    ],
)
def test_a_rate_has_about_three_digits(per_s: float, shown: str) -> None:
    assert text.rate(per_s) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7265, "2 h 01 min 05 s"),
        (math.nan, "?"),
    ],
)
def test_a_duration_reads_like_a_sentence(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "-"),
        (0.0084, "8.4 ms"),
        (0.00996, "10 ms"),
        (0.0184, "18 ms"),
        (0.9996, "1.00 s"),
        (1.5, "1.50 s"),
        (math.inf, "?"),
    ],
)
def test_the_time_of_an_image_has_a_fitting_unit(seconds: float, shown: str) -> None:
    assert text.short_time(seconds) == shown


@pytest.mark.parametrize("since_1970_s", [0.0, -1.0, 1e20, math.nan, math.inf])
def test_a_moment_that_cannot_be_is_not_known(since_1970_s: float) -> None:
    assert text.moment(since_1970_s) == "?"


def test_a_moment_is_told_in_local_time() -> None:
    assert text.moment(time.mktime((2026, 11, 22, 16, 52, 4, 0, 0, -1))) == "2026-11-22 16:52"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "-"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (12_345, "12.3 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (1_240_000, "1.24 MB"),
        (5_000_000_000_000, "5 TB"),
    ],
)
def test_a_size_has_a_fitting_unit(number: int, shown: str) -> None:
    assert text.size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-1, "0:00"), (2.1, "0:03"), (760, "12:40"), (7265, "2:01:05"), (math.nan, "?")]
)
def test_a_clock_counts_begun_seconds(seconds: float, shown: str) -> None:
    assert text.clock(seconds) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "-"), (0, 3, "0 %"), (1, 3, "33 %"), (2999, 3000, "99 %"), (3, 3, "100 %")],
)
def test_a_hundred_percent_means_all(part: int, whole: int, shown: str) -> None:
    assert text.percent(part, whole) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 images"), (1, "1 image"), (5312, "5,312 images")])
def test_a_noun_agrees_with_its_number(number: int, shown: str) -> None:
    assert text.counted(number, "image") == shown
