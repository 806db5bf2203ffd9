"""JPEG pictures inside other bytes: previews that would show what a result hides."""

import re
from collections.abc import Iterator

from pixfarm.imaging.metadata.tables import Span

# A start of image and the marker of a segment. Tables of numbers contain that too, so segments are followed.
_START = re.compile(rb"\xff\xd8\xff[\xc0-\xcf\xdb\xdd\xe0-\xef\xfe]")
_SCAN = 0xDA
_END = b"\xff\xd9"
_MAX_STARTS = 64
_MAX_SEGMENTS = 64


def find_pictures(content: bytes) -> Iterator[Span]:
    """Where the JPEGs in it are; one that breaks off reaches to the end.

    Raises:
        ValueError: there are too many that could be one.
    """
    searched_to = 0
    for number, match in enumerate(_START.finditer(content)):
        if number == _MAX_STARTS:
            raise ValueError("too many pictures")
        end = _end_of_picture(content, match.start()) if match.start() >= searched_to else None
        if end is not None:
            searched_to = end
            yield Span(match.start(), end)


def _end_of_picture(content: bytes, start: int) -> int | None:
    offset = start + 2
    for _ in range(_MAX_SEGMENTS):
        if offset + 4 > len(content) or content[offset] != 0xFF:
            return None
        if content[offset + 1] == _SCAN:
            end = content.find(_END, offset)
            return end + len(_END) if end >= 0 else len(content)
        offset += 2 + int.from_bytes(content[offset + 2 : offset + 4])
    return None
