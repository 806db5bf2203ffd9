from pathlib import Path

import cv2  # noqa: TID251 - reads what pixfarm itself does not: AVIF
import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from pixfarm.imaging.decoding import decode
from pixfarm.imaging.formats import Format, examine
from pixfarm.imaging.metadata import Metadata, embed
from pixfarm.imaging.processing import ImageSettings, process_image
from pixfarm.imaging.transforming import transform
from pixfarm.recipe import OutputFormat, Recipe
from tests.integration.imaging.cameras import (
    CASIO,
    FINEPIX,
    GOPRO,
    HEIGHT,
    HEIGHT_TAG,
    MAKER_NOTE,
    PACKET,
    PANASONIC,
    WIDTH,
    WIDTH_TAG,
    directory,
    exif_block,
    fit,
    maker_note,
    notes,
    opened,
    profile,
    result,
    thumbnail,
    turned,
    xmp_packet,
)
from tests.integration.imaging.image_files import ORIENTATION_TAG, Array, picture, save

every_camera = pytest.mark.parametrize(
    "photo",
    [
        pytest.param(CASIO, id="Casio"),
        pytest.param(PANASONIC, id="Panasonic"),
        pytest.param(FINEPIX, id="FinePix"),
        pytest.param(GOPRO, id="GoPro"),
    ],
)
with_thumbnail = pytest.mark.parametrize(
    "photo", [pytest.param(CASIO, id="big-endian"), pytest.param(PANASONIC, id="little-endian")]
)
every_format = pytest.mark.parametrize("image_format", [kind for kind in Format if kind is not Format.BMP])

RGB = Image.fromarray(picture())


def decoded(content: bytes) -> Array:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image


@every_format
@every_camera
def test_what_a_camera_noted_is_in_the_result(photo: bytes, image_format: Format) -> None:
    kept = embed(result(image_format), image_format, fit(photo))

    inner = {WIDTH_TAG: str(WIDTH), HEIGHT_TAG: str(HEIGHT)}
    assert directory(kept, ExifTags.IFD.Exif) == directory(photo, ExifTags.IFD.Exif) | inner
    assert directory(kept, ExifTags.IFD.GPSInfo) == directory(photo, ExifTags.IFD.GPSInfo)
    described = {tag: directory(kept)[tag] for tag in (271, 272, 306)}
    assert described == {tag: directory(photo)[tag] for tag in (271, 272, 306)}


@every_format
@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(CASIO, id="Casio"),
        pytest.param(PANASONIC, id="Panasonic"),
        pytest.param(GOPRO, id="GoPro"),
    ],
)
def test_a_makers_note_stays_where_its_offsets_count_from(photo: bytes, image_format: Format) -> None:
    kept = embed(result(image_format), image_format, fit(photo))

    note = maker_note(photo)
    assert len(note) > 1000
    assert exif_block(kept).find(note) == exif_block(photo).find(note)


def test_numbers_that_look_like_the_start_of_a_picture_stay_in_a_makers_note() -> None:
    assert b"\xff\xd8\xff\xe9" in maker_note(PANASONIC)

    assert maker_note(embed(result(Format.JPEG), Format.JPEG, fit(PANASONIC))) == maker_note(PANASONIC)


def test_everything_else_in_a_block_stays_byte_for_byte() -> None:
    before, after = notes(GOPRO).exif, fit(GOPRO).exif

    changed = {at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new}
    link_to_thumbnail = 8 + 2 + 12 * int.from_bytes(before[8:10])
    sizes = [before.index(bytes.fromhex(f"{tag:04x} 0004 00000001")) + 8 for tag in (WIDTH_TAG, HEIGHT_TAG)]
    allowed = {at + more for at in (link_to_thumbnail, *sizes) for more in range(4)}
    first_of_thumbnail = int.from_bytes(before[link_to_thumbnail : link_to_thumbnail + 4])
    assert {at for at in changed if at < first_of_thumbnail} <= allowed
    assert after[link_to_thumbnail : link_to_thumbnail + 4] == bytes(4)
    assert len(after) > first_of_thumbnail - 4


def test_a_block_becomes_smaller_by_its_thumbnail() -> None:
    assert len(fit(CASIO).exif) <= len(notes(CASIO).exif) - len(thumbnail(CASIO))


@pytest.mark.parametrize("orientation", range(1, 9))
@with_thumbnail
def test_a_result_is_upright_and_says_so(photo: bytes, orientation: int) -> None:
    source = turned(photo, orientation)
    assert directory(source)[ORIENTATION_TAG] == str(orientation)

    for image_format in (Format.JPEG, Format.TIFF):
        kept = embed(result(image_format), image_format, fit(source))
        assert directory(kept).get(ORIENTATION_TAG, "1") == "1"


@every_format
@with_thumbnail
def test_the_thumbnail_is_gone_with_its_bytes(photo: bytes, image_format: Format) -> None:
    pixels = thumbnail(photo)[1000:1100]
    assert pixels
    assert pixels in photo

    kept = embed(result(image_format), image_format, fit(photo))

    assert directory(kept, ExifTags.IFD.IFD1) == {}
    assert pixels not in kept


PREVIEW = save(RGB, "JPEG")


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        pytest.param(b"note" + PREVIEW + b"more", b"note" + bytes(len(PREVIEW)) + b"more", id="a picture"),
        pytest.param(b"note" + PREVIEW[:-2], b"note" + bytes(len(PREVIEW) - 2), id="a picture cut off"),
        pytest.param(
            b"note\xff\xd8\xff\xe1\0\4\0\0\x12\xda more",
            b"note\xff\xd8\xff\xe1\0\4\0\0\x12\xda more",
            id="none",
        ),
    ],
)
def test_previews_in_a_makers_note_are_blanked(note: bytes, expected: bytes) -> None:
    block = Image.Exif()
    block.get_ifd(ExifTags.IFD.Exif)[MAKER_NOTE] = note

    kept = notes(save(RGB, "JPEG", exif=block)).for_result(WIDTH, HEIGHT, 3).exif

    assert expected in kept


@every_format
def test_the_place_is_kept(image_format: Format) -> None:
    kept = opened(embed(result(image_format), image_format, fit(GOPRO))).getexif()

    place = kept.get_ifd(ExifTags.IFD.GPSInfo)
    assert [float(part) for part in place[2]] == pytest.approx([40, 39, 30.3091199])
    assert [float(part) for part in place[4]] == pytest.approx([73, 59, 36.0754799])


@every_format
def test_xmp_and_profile_are_kept_to_the_byte(image_format: Format) -> None:
    large = profile(b"RGB ", 200_001)

    kept = opened(embed(result(image_format), image_format, Metadata(xmp=PACKET, icc=large)))

    assert kept.info["icc_profile"] == large
    assert kept.info["xmp"] == PACKET


def test_a_part_of_more_than_4_mib_is_left_out() -> None:
    large = Metadata(icc=profile(b"RGB ", 4 * 1024 * 1024 + 1))

    assert large.for_result(WIDTH, HEIGHT, 3) == Metadata()


@every_format
def test_xmp_of_a_photo_program_is_kept(image_format: Format) -> None:
    kept = xmp_packet(embed(result(image_format), image_format, fit(FINEPIX)))

    # It is in UTF-16 there, and says nothing of orientation, nor of a thumbnail.
    assert kept.decode() == notes(FINEPIX).xmp.decode("utf-16-be")


@pytest.mark.parametrize(
    ("image_format", "channels"),
    [
        pytest.param(image_format, channels, id=f"{image_format} {name}")
        for channels, name, formats in (
            (1, "grey", (Format.JPEG, Format.PNG, Format.TIFF, Format.AVIF)),
            (3, "colour", (Format.JPEG, Format.PNG, Format.TIFF, Format.WEBP, Format.AVIF)),
            (4, "opacity", (Format.PNG, Format.TIFF, Format.WEBP, Format.AVIF)),
            (16, "16 bit grey", (Format.PNG, Format.TIFF)),
        )
        for image_format in formats
    ],
)
@every_camera
def test_pixels_are_those_of_the_result_without_metadata(
    photo: bytes, image_format: Format, channels: int
) -> None:
    bare = result(image_format, channels)

    full = embed(bare, image_format, fit(photo, 1 if channels == 16 else channels))

    assert len(full) > len(bare)
    assert opened(full).mode == opened(bare).mode
    np.testing.assert_array_equal(np.asarray(opened(full)), np.asarray(opened(bare)))
    if image_format is Format.TIFF:  # OpenCV alone multiplies by an opacity that says what it is
        np.testing.assert_array_equal(decode(examine(full)), decode(examine(bare)))
    else:
        np.testing.assert_array_equal(decoded(full), decoded(bare))


@pytest.mark.parametrize("strip", [False, True])
def test_tiff_says_what_its_fourth_channel_is(strip: bool) -> None:  # noqa: FBT001 - from the table
    source = save(Image.fromarray(np.dstack([picture(), picture()[..., 0]])), "PNG")

    made, _ = transform(source, Recipe("keep", format=OutputFormat.TIFF, strip_metadata=strip))

    file = opened(made.content)
    assert isinstance(file, TiffImageFile)
    assert file.tag_v2[338] == (2,)


@pytest.mark.parametrize("is_stripped", [False, True], ids=["by default", "unless it is not wanted"])
def test_metadata_is_kept(tmp_path: Path, is_stripped: bool) -> None:  # noqa: FBT001 - from the table
    source, target = tmp_path / "a.jpg", tmp_path / "results" / "a.jpg"
    source.write_bytes(FINEPIX)

    process_image(source, target, "1", ImageSettings(fsync=False), Recipe(strip_metadata=is_stripped))

    found = opened(target.read_bytes()).info.keys() & {"exif", "xmp", "icc_profile"}
    assert found == (set() if is_stripped else {"exif", "xmp", "icc_profile"})
