"""The metadata of one image."""

from dataclasses import dataclass

from pixfarm.imaging.metadata.colour_profile import fit_profile
from pixfarm.imaging.metadata.exif_block import fit_exif
from pixfarm.imaging.metadata.xmp_packet import fit_xmp

MAX_PART_BYTES = 4 * 1024 * 1024  # a hundred times what cameras write


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says about its image besides the pixels; each part is empty if there is none.

    Args:
        exif: an EXIF block, from its TIFF header on.
        xmp: an XMP packet in UTF-8.
        icc: a colour profile.
    """

    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.exif or self.xmp or self.icc)

    def for_result(self, width_px: int, height_px: int, channels: int) -> "Metadata":
        """What is true of an upright result of that size and that many channels, opacity counted.

        Orientation and size are set, thumbnails and previews removed. A part that cannot be changed safely
        is left out; so are a colour profile for other colours, and parts of more than 4 MiB.
        """
        exif, xmp, icc = (
            part if len(part) <= MAX_PART_BYTES else b"" for part in (self.exif, self.xmp, self.icc)
        )
        return Metadata(
            exif=fit_exif(exif, width_px, height_px) if exif else b"",
            xmp=fit_xmp(xmp, width_px, height_px) if xmp else b"",
            icc=fit_profile(icc, channels),
        )
