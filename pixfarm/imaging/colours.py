"""Colours as people write them."""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np

from pixfarm.imaging.pixels import Pixels, full_value

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
NAMES = {
    "black": "#000000",
    "white": "#ffffff",
    "grey": "#808080",
    "gray": "#808080",
    "red": "#ff0000",
    "green": "#008000",
    "blue": "#0000ff",
    "yellow": "#ffff00",
    "orange": "#ffa500",
    "transparent": "#00000000",
}


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour; each part 0 to 255, ``alpha`` 255 for opaque."""

    red: int
    green: int
    blue: int
    alpha: int = 255

    @classmethod
    def parse(cls, text: str) -> Self:
        """A colour from ``#rgb``, ``#rrggbb``, ``#rrggbbaa`` or a name of NAMES.

        Raises:
            ValueError: it is none of these; the message says what is.
        """
        written = NAMES.get(text.lower(), text)
        if not _HEX.fullmatch(written):
            raise ValueError(
                f"{text!r} is no colour; write #rgb, #rrggbb, #rrggbbaa, or one of {', '.join(NAMES)}"
            )
        digits = written[1:] if len(written) > 4 else "".join(2 * digit for digit in written[1:])
        return cls(*bytes.fromhex(digits))

    def __str__(self) -> str:
        parts = (self.red, self.green, self.blue, *([self.alpha] if self.alpha != 255 else []))
        return "#" + "".join(f"{part:02x}" for part in parts)

    def pixel(self, like: Pixels) -> Pixels:
        """It as one pixel, 1 x 1 x channels, of an image of that type and number of channels.

        Grey by BT.601, as cv2.cvtColor; the alpha is dropped where the image has none.
        """
        channels = 1 if like.ndim == 2 else like.shape[2]
        grey = round(0.299 * self.red + 0.587 * self.green + 0.114 * self.blue)
        parts = [grey] if channels == 1 else [self.blue, self.green, self.red, self.alpha][:channels]
        scale = full_value(like) // 255  # 257 for 16 bits: 65535 = 255 * 257
        return (np.array(parts, np.uint32) * scale).astype(like.dtype).reshape(1, 1, channels)
