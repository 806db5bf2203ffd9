import numpy as np
import pytest
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from pixfarm.imaging.formats import Format
from pixfarm.imaging.metadata import Metadata, embed
from tests.integration.imaging.cameras import (
    GOPRO,
    HEIGHT,
    HEIGHT_TAG,
    MAKER_NOTE,
    PACKET,
    PANASONIC,
    WIDTH,
    WIDTH_TAG,
    directory,
    fit,
    notes,
    opened,
    profile,
    result,
)
from tests.integration.imaging.image_files import picture, save, slope, tiff

RGB = Image.fromarray(picture())


@pytest.mark.parametrize(
    ("space", "channels", "is_kept"),
    [
        pytest.param(b"RGB ", 3, True, id="RGB on colour"),
        pytest.param(b"RGB ", 4, True, id="RGB on colour with opacity"),
        pytest.param(b"GRAY", 1, True, id="grey on grey"),
        pytest.param(b"CMYK", 3, False, id="CMYK on colour"),
        pytest.param(b"CMYK", 4, False, id="CMYK on colour with opacity"),
        pytest.param(b"RGB ", 1, False, id="RGB on grey"),
        pytest.param(b"GRAY", 3, False, id="grey on colour"),
    ],
)
def test_a_profile_is_kept_where_it_fits_the_colours(space: bytes, channels: int, is_kept: bool) -> None:  # noqa: FBT001 - from the table
    fitting = Metadata(icc=profile(space)).for_result(WIDTH, HEIGHT, channels)

    assert fitting.icc == (profile(space) if is_kept else b"")


def test_lossless_and_lossy_webp_with_opacity_keep_it() -> None:
    picture_with_opacity = Image.fromarray(np.dstack([picture(), slope()]))
    for lossless in (True, False):
        bare = save(picture_with_opacity, "WEBP", lossless=lossless)
        np.testing.assert_array_equal(
            np.asarray(opened(embed(bare, Format.WEBP, fit(GOPRO)))), np.asarray(opened(bare))
        )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_is_read_as_another_program_wrote_it(kind: str) -> None:
    block, colours = notes(GOPRO).exif, profile(b"RGB ", 100_000)
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", PACKET.decode(), zip=True)
    xmp = {"pnginfo": texts} if kind == "PNG" else {"xmp": PACKET}

    source = save(RGB, kind, exif=b"Exif\0\0" + block, icc_profile=colours, **xmp)

    assert notes(source) == Metadata(block, PACKET, colours)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_metadata_of_a_tiff_is_kept_but_for_the_makers_note(order: str) -> None:
    pixels, exif = picture(HEIGHT, WIDTH)[..., 0], {"<": PANASONIC, ">": GOPRO}[order]
    bare = tiff(pixels, order=order)
    source = embed(bare, Format.TIFF, Metadata(fit(exif).exif, PACKET, profile(b"GRAY")))
    assert source.startswith({"<": b"II", ">": b"MM"}[order])

    kept = embed(result(Format.JPEG, 1), Format.JPEG, fit(source, 1))

    inner = directory(exif, ExifTags.IFD.Exif)
    expected = {tag: inner[tag] for tag in inner.keys() - {MAKER_NOTE}}
    expected |= {WIDTH_TAG: str(WIDTH), HEIGHT_TAG: str(HEIGHT)}
    assert directory(kept, ExifTags.IFD.Exif) == expected
    assert directory(kept, ExifTags.IFD.GPSInfo) == directory(exif, ExifTags.IFD.GPSInfo)
    assert directory(kept)[271] == directory(exif)[271]
    assert (notes(kept).xmp, notes(kept).icc) == (PACKET, profile(b"GRAY"))


def test_tags_of_a_tiff_by_another_program_are_kept() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[271], tags[315], tags[700], tags[34675] = "Maker", "Artist", PACKET, profile(b"RGB ")
    tags.tagtype[700], tags.tagtype[34675] = 1, 7

    source = save(RGB, "TIFF", tiffinfo=tags)

    kept = embed(result(Format.PNG), Format.PNG, fit(source))
    assert {tag: directory(kept)[tag] for tag in (271, 315)} == {271: "'Maker'", 315: "'Artist'"}
    assert (notes(source).xmp, notes(source).icc) == (PACKET, profile(b"RGB "))


def test_a_tiff_that_only_says_its_resolution_has_no_exif() -> None:
    assert notes(save(RGB, "TIFF", dpi=(300, 300))) == Metadata()


def test_16_bit_pixels_keep_all_but_the_makers_note_of_the_other_byte_order() -> None:
    kept = embed(result(Format.TIFF, 16), Format.TIFF, fit(GOPRO))

    inner = directory(GOPRO, ExifTags.IFD.Exif).keys() - {MAKER_NOTE}
    assert directory(kept, ExifTags.IFD.Exif).keys() == inner
    assert directory(kept, ExifTags.IFD.GPSInfo) == directory(GOPRO, ExifTags.IFD.GPSInfo)


@pytest.mark.parametrize("image_format", list(Format))
def test_a_result_without_metadata_stays_as_it_is(image_format: Format) -> None:
    bare = result(image_format)

    assert embed(bare, image_format, notes(result(Format.JPEG)).for_result(WIDTH, HEIGHT, 3)) is bare


def test_a_bitmap_has_no_place_for_metadata() -> None:
    assert embed(result(Format.BMP), Format.BMP, fit(GOPRO)) is result(Format.BMP)
    assert notes(result(Format.BMP)) == Metadata()
