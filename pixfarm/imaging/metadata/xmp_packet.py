"""XMP packets: made true for a result, with every other byte as it was.

Properties: Adobe's XMP Specification, part 1 and 2 (ISO 16684-1), and Google's depth map and image schemas.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.parsers import expat

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
_DESCRIPTION = [_RDF + "RDF", _RDF + "Description"]
_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/ ", "http://ns.adobe.com/exif/1.0/ "
_WIDTHS = frozenset({_TIFF + "ImageWidth", _EXIF + "PixelXDimension"})
_HEIGHTS = frozenset({_TIFF + "ImageLength", _EXIF + "PixelYDimension"})
_ORIENTATION = _TIFF + "Orientation"
_REMOVED = frozenset(
    {
        "http://ns.adobe.com/xap/1.0/ Thumbnails",
        "http://ns.adobe.com/xmp/note/ HasExtendedXMP",  # the part outside of the packet is not kept
        # Nor are gain maps and films behind the image, which these say are there, with their lengths.
        "http://ns.adobe.com/hdr-gain-map/1.0/ Version",
        "http://ns.google.com/photos/1.0/container/ Directory",
        *(
            "http://ns.google.com/photos/1.0/camera/ " + name
            for name in ("MotionPhoto", "MicroVideo", "MicroVideoOffset")
        ),
    }
)
_PICTURES = frozenset(
    {
        "http://ns.adobe.com/xap/1.0/g/img/ image",
        "http://ns.google.com/photos/1.0/image/ Data",
        "http://ns.google.com/photos/1.0/depthmap/ Data",
    }
)

_WIDE_STARTS = {b"<\0": "utf-16-le", b"\0<": "utf-16-be", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

# Expat has found the packet to be well-formed before these are used.
_START_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")


def fit_xmp(packet: bytes, width_px: int, height_px: int) -> bytes:
    """The packet for an upright image of that size, without thumbnails.

    Returns:
        The packet; empty if it is not well-formed, has a document type, or holds a picture elsewhere.
    """
    values = {
        _ORIENTATION: b"1",
        **dict.fromkeys(_WIDTHS, b"%d" % width_px),
        **dict.fromkeys(_HEIGHTS, b"%d" % height_px),
    }
    try:
        text = _in_utf_8(packet)
        edits = _Reader(text, values).read()
    except (expat.ExpatError, ValueError):
        return b""
    return _edited(text, edits)


def _in_utf_8(packet: bytes) -> bytes:
    # Some cameras' software writes UTF-16, which only TIFF once allowed.
    encoding = _WIDE_STARTS.get(packet[:2])
    text = packet.decode(encoding).encode() if encoding else packet
    if b"\0" in text:
        raise ValueError("another encoding, which Expat might find out")
    return text


class _Edit(NamedTuple):
    start: int
    end: int
    new: bytes


class _Reader:
    """Finds how to give properties of the image their ``values``, and to remove what has to go."""

    def __init__(self, packet: bytes, values: Mapping[str, bytes]) -> None:
        self._edits: list[_Edit] = []
        self._packet = packet
        self._values = values
        self._open: list[tuple[str, int]] = []  # name and offset of each element
        self._removed_depth = 0
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse_document_type

    def read(self) -> Iterable[_Edit]:
        """The edits, in their order; nothing overlaps."""
        self._parser.Parse(self._packet, True)  # noqa: FBT003 - takes no keywords
        return self._edits

    def _refuse_document_type(self, *_: object) -> None:
        raise ValueError("XMP has no document type")

    def _start(self, name: str, attributes: list[str]) -> None:
        is_inside_property = bool(self._open) and self._is_set(len(self._open))
        self._open.append((name, self._parser.CurrentByteIndex))
        if self._removed_depth:
            return
        if is_inside_property:
            raise ValueError("a property of another form")
        if name in _REMOVED:
            self._removed_depth = len(self._open)
        elif name in _PICTURES or not _PICTURES.isdisjoint(attributes[::2]):
            raise ValueError("a picture outside of the thumbnails")
        elif self._is_description(len(self._open)):
            self._edit_attributes(attributes[::2])

    def _end(self, name: str) -> None:
        tag = self._start_tag()
        is_empty = tag[0].endswith(b"/>")
        here = self._parser.CurrentByteIndex
        if self._removed_depth == len(self._open):
            self._removed_depth = 0
            self._edit(tag.start(), tag.end() if is_empty else self._packet.index(b">", here) + 1, b"")
        elif not self._removed_depth and not is_empty and self._is_set(len(self._open)):
            self._edit(tag.end(), here, self._values[name])
        self._open.pop()

    def _is_description(self, depth: int) -> bool:
        return depth > 1 and [name for name, _ in self._open[depth - 2 : depth]] == _DESCRIPTION

    def _is_set(self, depth: int) -> bool:
        return self._open[depth - 1][0] in self._values and self._is_description(depth - 1)

    def _start_tag(self) -> re.Match[bytes]:
        tag = _START_TAG.match(self._packet, self._open[-1][1])
        assert tag is not None  # expat has just read it
        return tag

    def _edit_attributes(self, names: list[str]) -> None:
        # Expat tells the names with their namespaces, but not where the attributes are; their order does.
        tag = self._start_tag()
        written = [
            found
            for found in _ATTRIBUTE.finditer(self._packet, tag.start(), tag.end())
            if found[1] != b"xmlns" and not found[1].startswith(b"xmlns:")
        ]
        for name, attribute in zip(names, written, strict=True):
            if name in _REMOVED:
                self._edit(attribute.start(), attribute.end(), b"")
            elif name in self._values:
                self._edit(attribute.start(2) + 1, attribute.end(2) - 1, self._values[name])

    def _edit(self, start: int, end: int, new: bytes) -> None:
        self._edits.append(_Edit(start, end, new))


def _edited(packet: bytes, edits: Iterable[_Edit]) -> bytes:
    parts, done_to = [], 0
    for start, end, new in edits:
        parts += [packet[done_to:start], new]
        done_to = end
    return b"".join([*parts, packet[done_to:]])
