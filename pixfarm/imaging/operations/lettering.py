"""What a line of text covers, drawn with the fonts that are built into OpenCV."""

import unicodedata
from functools import lru_cache

import cv2
import numpy as np

from pixfarm.imaging.pixels import Pixels

_FONT_WEIGHT = 500  # between regular and bold: legible when it is small and half transparent
_TRIAL_PX = 32
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


@lru_cache(maxsize=4)
def drawable(text: str) -> str:
    """The text as it can be drawn: with accented letters as one character each.

    Raises:
        ValueError: there is nothing in it, or something that would be drawn wrongly; says what.
    """
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        raise ValueError("the text has nothing in it that can be drawn: write some letters")
    refused = [character for character in dict.fromkeys(text) if not _is_drawable(character)]
    if refused:
        names = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in refused)
        raise ValueError(f"the font cannot draw {names}: leave it out, or draw the text as an image file")
    return text


@lru_cache(maxsize=16)
def letters(text: str, font_px: int) -> Pixels:
    """How much of each pixel the letters cover, 0 to 255; without room around them; not to be written to."""
    font = cv2.FontFace("sans")
    width = cv2.getTextSize((0, 0), text, (0, 0), font, font_px, _FONT_WEIGHT)[2]
    canvas = np.zeros((4 * font_px, width + 2 * font_px), np.uint8)
    cv2.putText(canvas, text, (font_px, 2 * font_px), (255,), font, font_px, _FONT_WEIGHT)
    left, top, width, height = cv2.boundingRect(canvas)
    cover: Pixels = canvas[top : top + height, left : left + width].copy()
    cover.flags.writeable = False
    return cover


def _is_drawable(character: str) -> bool:
    """Whether it appears as what it is.

    OpenCV 5.0 draws "?", or nothing, for what its fonts lack, and wrong letters above U+FFFF. It puts one
    character behind the other, left to right: marks would stand behind their letters, Arabic in pieces.
    """
    category = unicodedata.category(character)
    if category == "Zs" or character == "?":
        return True
    if category[0] in "CMZ" or ord(character) > 0xFFFF:
        return False
    if unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
        return False
    drawn = letters(character, _TRIAL_PX)
    return drawn.size > 0 and not np.array_equal(drawn, letters("?", _TRIAL_PX))
