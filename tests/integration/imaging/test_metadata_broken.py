import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixfarm.errors import TaskFailed
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.formats import Format, examine
from pixfarm.imaging.formats.exif import read_orientation
from pixfarm.imaging.metadata import Metadata, embed, read_metadata
from tests.integration.imaging.cameras import (
    CASIO,
    FINEPIX,
    GOPRO,
    HEIGHT,
    PANASONIC,
    WIDTH,
    fit,
    notes,
    result,
)
from tests.integration.imaging.image_files import chunk, picture, png

few = settings(max_examples=60, deadline=None)
LINK, LONG, UNDEFINED = 0x8769, 4, 7


def block(fields: list[tuple[int, int, int, int]], next_directory: int = 0, rest: bytes = b"") -> bytes:
    """A big-endian EXIF block of fields (tag, type, count, value or offset)."""
    entries = b"".join(struct.pack(">HHII", *field) for field in fields)
    return b"MM\0*" + struct.pack(">IH", 8, len(fields)) + entries + struct.pack(">I", next_directory) + rest


def directory(fields: list[tuple[int, int, int, int]], next_directory: int = 0) -> bytes:
    return block(fields, next_directory)[8:]


def changed(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    damaged = bytearray(content)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    return bytes(damaged)


a_few_bytes = st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), max_size=12)
# Most of what decides stands in the directories, which come first in these blocks.
at_the_start = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=12)
any_block = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(lambda rest: b"II*\0\x08\0\0\0" + rest),
    st.builds(
        changed, st.sampled_from([notes(photo).exif for photo in (CASIO, PANASONIC, GOPRO)]), at_the_start
    ),
)


@few
@given(any_block)
def test_no_block_raises_or_is_passed_on_with_an_orientation(exif: bytes) -> None:
    fitting = Metadata(exif=exif).for_result(WIDTH, HEIGHT, 3)

    assert read_orientation(fitting.exif) == 1


@few
@given(any_block)
def test_no_block_changes_the_pixels_of_a_tiff(exif: bytes) -> None:
    bare = result(Format.TIFF)

    full = embed(bare, Format.TIFF, Metadata(exif=exif).for_result(WIDTH, HEIGHT, 3))

    np.testing.assert_array_equal(decode(examine(full)), decode(examine(bare)))


@few
@given(
    st.sampled_from([kind for kind in Format if kind not in (Format.BMP, Format.AVIF)]),
    st.sampled_from([GOPRO, FINEPIX]),
    a_few_bytes,
)
def test_no_file_that_is_an_image_raises(
    image_format: Format, photo: bytes, changes: list[tuple[int, int]]
) -> None:
    content = changed(embed(result(image_format), image_format, fit(photo)), changes)
    try:
        examined = examine(content)
    except TaskFailed:
        return

    read_metadata(examined).for_result(WIDTH, HEIGHT, 3)


@few
@given(st.one_of(st.binary(max_size=200), st.builds(changed, st.just(fit(FINEPIX).xmp), a_few_bytes)))
def test_no_packet_and_no_profile_raises(part: bytes) -> None:
    Metadata(xmp=part, icc=part).for_result(WIDTH, HEIGHT, 3)


MAKE = (271, 2, 4, 0x41424300)
WIDE = (0x0112, 3, 1, 6 << 16)


@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(block([WIDE])[:-6], id="cut in its first directory"),
        pytest.param(b"MM\0*" + struct.pack(">I", 8) + b"\xff\xff" + bytes(800_000), id="65,535 fields"),
        pytest.param(block([WIDE, (LINK, LONG, 1, 8)]), id="EXIF is the first directory"),
        pytest.param(block([WIDE, (LINK, LONG, 1, 14)]), id="EXIF overlaps the first directory"),
        pytest.param(block([WIDE, (LINK, LONG, 1, 9_999)]), id="EXIF is behind the end"),
        pytest.param(block([WIDE, (LINK, LONG, 0, 0)]), id="EXIF is nowhere"),
        pytest.param(block([WIDE], 8), id="the directories are a ring"),
        pytest.param(
            block([WIDE], 26, directory([], 26)), id="the directory of the thumbnail follows itself"
        ),
        pytest.param(
            block([WIDE], 26, directory([(0x0201, LONG, 1, 8), (0x0202, LONG, 1, 9)])),
            id="the thumbnail is the first directory",
        ),
        pytest.param(block([WIDE], 26, directory([(0x0201, LONG, 1, 60)])), id="the thumbnail has no length"),
        pytest.param(b"II+\0\x08\0\0\0" + bytes(40), id="a BigTIFF"),
    ],
)
def test_a_block_that_cannot_be_patched_safely_is_left_out(exif: bytes) -> None:
    assert Metadata(exif=exif).for_result(WIDTH, HEIGHT, 3).exif == b""


def test_a_thumbnail_of_plain_pixels_is_blanked() -> None:
    place = [(0x0111, LONG, 1, 56), (0x0117, LONG, 1, 6)]
    exif = block([MAKE], 26, directory(place) + b"pixels" + b"more")

    assert Metadata(exif=exif).for_result(WIDTH, HEIGHT, 3).exif == block([MAKE]) + bytes(36) + b"more"


@pytest.mark.parametrize(
    "field",
    [
        pytest.param((0x0112, 3, 1, 6 << 16), id="short"),
        pytest.param((0x0112, 4, 1, 6), id="long"),
        pytest.param((0x0112, 1, 1, 6 << 24), id="byte"),
        pytest.param((0x0112, 3, 9, 0), id="nine of them"),
        pytest.param((0x0112, 99, 1, 6 << 16), id="unknown type"),
    ],
)
def test_an_orientation_of_any_type_is_reset(field: tuple[int, int, int, int]) -> None:
    fitting = Metadata(exif=block([MAKE, field, field])).for_result(WIDTH, HEIGHT, 3)

    assert fitting.exif == block([MAKE, (0x0112, 3, 1, 1 << 16), (0x0112, 3, 1, 1 << 16)])


def test_a_size_beyond_a_short_is_written_as_a_long() -> None:
    exif = block([(0x0100, 3, 1, 9 << 16), (0x0101, 3, 1, 9 << 16)])

    assert Metadata(exif=exif).for_result(70_000, 5, 3).exif == block(
        [(0x0100, 4, 1, 70_000), (0x0101, 3, 1, 5 << 16)]
    )


def test_a_profile_that_unpacks_to_a_flood_is_left_out() -> None:
    flood = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(50_000_000)))

    assert notes(png(picture(), 2, 8, flood)) == Metadata()


def test_a_profile_with_a_part_missing_is_left_out() -> None:
    segment = b"\xff\xe2" + struct.pack(">H", 2 + 14 + 6) + b"ICC_PROFILE\0\2\3colour"
    content = result(Format.JPEG)

    assert notes(content[:2] + segment + content[2:]) == Metadata()


@pytest.mark.parametrize("size", [65_527, 65_528], ids=["the most", "one more"])
def test_what_does_not_fit_into_a_segment_is_left_out(size: int) -> None:
    exif = block([MAKE]).ljust(size, b"x")

    kept = notes(embed(result(Format.JPEG), Format.JPEG, Metadata(exif=exif)))

    assert kept == (Metadata(exif=exif) if size == 65_527 else Metadata())
