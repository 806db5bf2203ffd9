"""TIFF: its size, and which of its many kinds OpenCV keeps whole.

Tags: TIFF 6.0. OpenCV applies a TIFF's orientation itself.
"""

import struct

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.directories import Directory, count_directories, read_first_directory
from pixfarm.imaging.formats.examined import ExaminedImage
from pixfarm.imaging.formats.signatures import Format

_WIDTH = 256
_HEIGHT = 257
_BITS_PER_SAMPLE = 258
_COMPRESSION = 259
_PHOTOMETRIC = 262
_SAMPLES_PER_PIXEL = 277
_PLANAR_CONFIGURATION = 284
_EXTRA_SAMPLES = 338
_SAMPLE_FORMAT = 339

_INVERTED_GREY = 0
_RGB = 2
_PALETTE = 3
_CMYK = 5
_PHOTOMETRIC_NAMES = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", _CMYK: "CMYK", 6: "YCbCr", 8: "Lab"}
_SAMPLE_FORMAT_NAMES = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}

# (photometric interpretation, channels) -> bits per channel that OpenCV 5.0 decodes right. Tried and wrong:
# grey with alpha loses the alpha, a 1 bit palette its colours; 2 and 4 bit grey and 16 bit CMYK do not
# decode at all.
_KEPT_BITS = {
    (0, 1): {1, 8, 16},
    (1, 1): {1, 8, 16},
    (2, 3): {8, 16},
    (2, 4): {8, 16},
    (3, 1): {4, 8},
    (_CMYK, 4): {8},
    (6, 3): {8},
}

# None, CCITT, LZW, JPEG, deflate, PackBits, LZMA: what the libtiff in OpenCV's wheel can decompress.
_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32771, 32773, 32946, 34925}

_UNSPECIFIED_ALPHA = 0
_ASSOCIATED_ALPHA = 1
_UNASSOCIATED_ALPHA = 2


def examine_tiff(content: bytes) -> ExaminedImage:
    """The image, if it is a single one of a kind that OpenCV keeps whole.

    Raises:
        TaskFailed: UNSUPPORTED for several pages, and for pixels or compression that are not processed,
            UNREADABLE when there are none.
        BROKEN_OFF: the file breaks off inside its directories.
    """
    pages = count_directories(content)
    if pages != 1:
        raise TaskFailed(FailureCode.UNSUPPORTED, f"has {pages} pages; only single-page TIFFs are processed")
    directory = read_first_directory(content)
    _refuse_unkept_pixels(directory)
    _refuse_unknown_compression(directory)
    photometric = _first(directory, _PHOTOMETRIC, default=-1)
    bits = _first(directory, _BITS_PER_SAMPLE, default=1)
    return ExaminedImage(
        content=_with_alpha_as_stored(content, directory),
        format=Format.TIFF,
        width_px=_first(directory, _WIDTH, default=0),
        height_px=_first(directory, _HEIGHT, default=0),
        channels=3 if photometric == _PALETTE else _first(directory, _SAMPLES_PER_PIXEL, default=1),
        colour_only=photometric == _CMYK,  # OpenCV would add a full alpha channel
        premultiplied=photometric == _RGB
        and _first(directory, _EXTRA_SAMPLES, default=_UNSPECIFIED_ALPHA) == _ASSOCIATED_ALPHA,
        inverted=photometric == _INVERTED_GREY and bits == 16,  # libtiff turns 1 and 8 bit round, not 16
    )


def _first(directory: Directory, tag: int, *, default: int) -> int:
    entry = directory.get(tag)
    return entry.values[0] if entry and entry.values else default


def _refuse_unkept_pixels(directory: Directory) -> None:
    sample_format = _SAMPLE_FORMAT_NAMES.get(_first(directory, _SAMPLE_FORMAT, default=1))
    if sample_format:
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"has {sample_format} pixels; only unsigned 8 and 16 bit are processed"
        )
    photometric = _first(directory, _PHOTOMETRIC, default=-1)
    channels = _first(directory, _SAMPLES_PER_PIXEL, default=1)
    entry = directory.get(_BITS_PER_SAMPLE)
    bits = set(entry.values) if entry else {1}
    if len(bits) != 1 or not bits <= _KEPT_BITS.get((photometric, channels), set()):
        name = _PHOTOMETRIC_NAMES.get(photometric, f"photometric interpretation {photometric}")
        widths = " and ".join(map(str, sorted(bits)))
        raise TaskFailed(
            FailureCode.UNSUPPORTED,
            f"is a TIFF of {channels} x {widths} bit ({name}); save it as 8 or 16 bit grey, RGB or RGBA",
        )
    if bits == {16} and channels > 1 and _first(directory, _PLANAR_CONFIGURATION, default=1) == 2:
        raise TaskFailed(
            FailureCode.UNSUPPORTED,
            "keeps its 16 bit channels in separate planes; save it with interleaved channels",
        )


def _refuse_unknown_compression(directory: Directory) -> None:
    compression = _first(directory, _COMPRESSION, default=1)
    if compression not in _COMPRESSIONS:
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"uses TIFF compression {compression}; save it with LZW or deflate"
        )


def _with_alpha_as_stored(content: bytes, directory: Directory) -> bytes:
    # libtiff's 8 bit RGBA reader multiplies the colours by alpha if the file calls its alpha unassociated.
    # It leaves them alone if the file does not say what the fourth channel is, so that is what it gets to
    # see.
    entry = directory.get(_EXTRA_SAMPLES)
    if entry is None or entry.values[:1] != (_UNASSOCIATED_ALPHA,):
        return content
    mended = bytearray(content)
    struct.pack_into(entry.letter, mended, entry.offset, _UNSPECIFIED_ALPHA)
    return bytes(mended)
