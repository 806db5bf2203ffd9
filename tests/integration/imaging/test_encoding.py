import io

import numpy as np
import pytest
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.encoding import encode
from pixfarm.imaging.formats import Format, examine
from tests.integration.imaging.image_files import Array, failure, picture, slope, to_bgr, wide

BGR = to_bgr(picture())
BGRA = np.dstack([BGR, slope()])
PARTLY_CLEAR = np.dstack([BGR, np.where(slope() > 128, 255, 0).astype(np.uint8)])


@pytest.mark.parametrize(
    ("image_format", "image"),
    [
        pytest.param(Format.PNG, BGR, id="PNG"),
        pytest.param(Format.PNG, BGRA, id="PNG with alpha"),
        pytest.param(Format.PNG, wide(BGR), id="PNG 16"),
        pytest.param(Format.PNG, wide(BGRA), id="PNG with alpha 16"),
        pytest.param(Format.BMP, BGR, id="BMP"),
        pytest.param(Format.BMP, BGRA, id="BMP with alpha"),
        pytest.param(Format.TIFF, BGR, id="TIFF"),
        pytest.param(Format.TIFF, BGRA, id="TIFF with alpha"),
        pytest.param(Format.TIFF, wide(BGR), id="TIFF 16"),
        pytest.param(Format.TIFF, wide(BGRA), id="TIFF with alpha 16"),
        pytest.param(Format.WEBP, BGR, id="WebP"),
        pytest.param(Format.WEBP, PARTLY_CLEAR, id="WebP with colours under full transparency"),
    ],
)
def test_lossless_formats_keep_every_pixel(image_format: Format, image: Array) -> None:
    content = encode(image, image_format, lossless=True)

    np.testing.assert_array_equal(decode(examine(content)), image)
    assert examine(content).format is image_format


@pytest.mark.parametrize("image_format", [Format.PNG, Format.BMP, Format.TIFF, Format.WEBP])
def test_other_readers_see_the_same_alpha(image_format: Format) -> None:
    content = encode(BGRA, image_format, lossless=True)

    read = Image.open(io.BytesIO(content)).convert("RGBA")

    np.testing.assert_array_equal(to_bgr(np.asarray(read)), BGRA)


@pytest.mark.parametrize("image_format", [Format.JPEG, Format.WEBP])
def test_lossy_formats_stay_close(image_format: Format) -> None:
    smooth = np.dstack([np.mgrid[0:48, 0:64][1] * 2] * 3).astype(np.uint8)

    content = encode(smooth, image_format, lossless=False)

    assert np.abs(decode(examine(content)).astype(int) - smooth).mean() < 1
    assert not examine(content).lossless


def test_tiff_is_compressed() -> None:
    with Image.open(io.BytesIO(encode(BGR, Format.TIFF, lossless=True))) as read:
        assert read.info["compression"] == "tiff_lzw"


def test_refusal_of_opencv_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.imaging.encoding.cv2.imencode", lambda *arguments: (False, None))

    with pytest.raises(TaskFailed) as caught:
        encode(BGR, Format.PNG, lossless=True)

    assert "could not be encoded as PNG" in failure(FailureCode.INTERNAL, caught.value)
