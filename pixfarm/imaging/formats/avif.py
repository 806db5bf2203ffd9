"""AVIF: size, and whether all of it is there. Only results have this format.

Boxes: ISO/IEC 14496-12 (ISOBMFF) and 23008-12 (HEIF); Alliance for Open Media, AV1 Image File Format.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pixfarm.imaging.formats.examined import ExaminedImage, damaged
from pixfarm.imaging.formats.signatures import Format

_FULL_BOX_BYTES = 4  # version and flags
_TO_THE_END, _LONG = 0, 1  # sizes of boxes that mean another thing
_INDEX_BITS = 0x7FFF
_IN_THE_FILE = 0
_LETTERS = {0: "", 4: "I", 8: "Q"}  # of numbers of so many bytes


def examine_avif(content: bytes) -> ExaminedImage:
    """The image, if it is a still one whose boxes and pixels are complete.

    Raises:
        TaskFailed: UNREADABLE when something is cut or missing, or there are no pixels.
        BROKEN_OFF: the file breaks off inside a box.
    """
    boxes = dict(_iterate_boxes(memoryview(content)))
    if b"avif" not in bytes(boxes.get(b"ftyp", b"")) or b"meta" not in boxes:
        raise damaged(Format.AVIF)
    meta = dict(_iterate_boxes(boxes[b"meta"][_FULL_BOX_BYTES:]))
    if not {b"pitm", b"iprp", b"iloc"} <= meta.keys():
        raise damaged(Format.AVIF)
    if _end_of_items(meta[b"iloc"]) > len(content):
        raise damaged(Format.AVIF)
    properties = _Properties.read(meta[b"iprp"])
    primary = properties.of_item(_read_primary(meta[b"pitm"]))
    if not {b"ispe", b"pixi"} <= primary.keys():
        raise damaged(Format.AVIF)
    width_px, height_px = struct.unpack_from(">II", primary[b"ispe"], _FULL_BOX_BYTES)
    return ExaminedImage(
        content=content,
        format=Format.AVIF,
        width_px=width_px,
        height_px=height_px,
        channels=primary[b"pixi"][_FULL_BOX_BYTES] + properties.have_alpha,
        lossless=False,
    )


@dataclass(frozen=True, slots=True)
class _Properties:
    """What is said of the items of a file; ``links`` are item ids and numbers of properties from 1."""

    boxes: Sequence[tuple[bytes, memoryview]]
    links: Sequence[tuple[int, int]]

    @classmethod
    def read(cls, iprp: memoryview) -> "_Properties":
        boxes: list[tuple[bytes, memoryview]] = []
        links: list[tuple[int, int]] = []
        for kind, payload in _iterate_boxes(iprp):
            if kind == b"ipco":
                boxes += _iterate_boxes(payload)
            elif kind == b"ipma":
                links += _iterate_links(payload)
        return cls(boxes, links)

    def of_item(self, wanted: int) -> dict[bytes, memoryview]:
        return dict(self.boxes[number - 1] for item, number in self.links if item == wanted and number)

    @property
    def have_alpha(self) -> bool:
        return any(kind == b"auxC" and b"alpha" in bytes(payload) for kind, payload in self.boxes)


def _iterate_boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    offset = 0
    while offset < len(view):
        size, kind = struct.unpack_from(">I4s", view, offset)
        start = offset + 8
        if size == _LONG:
            (size,) = struct.unpack_from(">Q", view, start)
            start += 8
        end = len(view) if size == _TO_THE_END else offset + size
        if not start <= end <= len(view):
            raise damaged(Format.AVIF)
        yield kind, view[start:end]
        offset = end


def _read_primary(pitm: memoryview) -> int:
    (primary,) = struct.unpack_from(">I" if pitm[0] else ">H", pitm, _FULL_BOX_BYTES)
    return int(primary)


def _iterate_links(ipma: memoryview) -> Iterator[tuple[int, int]]:
    item_letter, number_letter = "I" if ipma[0] else "H", "H" if ipma[3] & 1 else "B"
    reader = _Reader(ipma, _FULL_BOX_BYTES)
    for _ in range(reader.take("I")):
        item = reader.take(item_letter)
        for _ in range(reader.take("B")):
            number = reader.take(number_letter)
            yield item, number & (_INDEX_BITS if number_letter == "H" else _INDEX_BITS >> 8)


def _end_of_items(iloc: memoryview) -> int:
    """Where the last byte of any item ends in the file."""
    version = iloc[0]
    reader = _Reader(iloc, _FULL_BOX_BYTES)
    sizes = reader.take("H")  # of offset, length, base offset, and index, in bytes, 4 bits each
    offset_letter, length_letter, base_letter = (_letter(sizes >> shift & 15) for shift in (12, 8, 4))
    index_letter = _letter(sizes & 15) if version else ""
    end = 0
    for _ in range(reader.take("H" if version < 2 else "I")):
        reader.take("H" if version < 2 else "I")  # the item's id
        place = reader.take("H") & 15 if version else _IN_THE_FILE
        reader.take("H")  # in this file
        base = reader.take(base_letter)
        for _ in range(reader.take("H")):
            reader.take(index_letter)
            extent_end = base + reader.take(offset_letter) + reader.take(length_letter)
            end = max(end, extent_end if place == _IN_THE_FILE else 0)
    return end


def _letter(size_bytes: int) -> str:
    if size_bytes not in _LETTERS:
        raise damaged(Format.AVIF)
    return _LETTERS[size_bytes]


class _Reader:
    """Takes one big-endian number after the other from a box."""

    def __init__(self, view: memoryview, offset: int) -> None:
        self._view = view
        self._offset = offset

    def take(self, letter: str) -> int:
        """The next number of this ``struct`` letter; 0, and nothing taken, for none."""
        if not letter:
            return 0
        (value,) = struct.unpack_from(f">{letter}", self._view, self._offset)
        self._offset += struct.calcsize(f">{letter}")
        return int(value)
