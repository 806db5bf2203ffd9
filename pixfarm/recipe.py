"""A recipe: what is done to each image of a job."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

DEFAULT_PIPELINE = "edges"
# Changes whenever the results of a recipe would, because pixfarm makes another thing of it than before.
_VERSION = 2
_SHOWN = 80


class OutputFormat(StrEnum):
    """A format that results can have; the value is also their extension."""

    JPG = "jpg"
    PNG = "png"
    WEBP = "webp"
    TIFF = "tiff"
    BMP = "bmp"
    AVIF = "avif"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to each image of a job.

    Args:
        pipeline: operations as text; on the server and beyond in the form that imaging.canonical() gives.
        format: of the results; None for that of each source.
        quality: 1 to 100, for formats that have one; None for the format's default.
        strip_metadata: whether EXIF, XMP and colour profile are left out of the results.
        check: whether results are looked at for likely mishaps.
    """

    pipeline: str = DEFAULT_PIPELINE
    format: OutputFormat | None = None
    quality: int | None = None
    strip_metadata: bool = False
    check: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The recipe of these fields, as dataclasses.asdict() and JSON have them.

        Raises:
            TypeError: there is another field.
            ValueError: the format is none.
        """
        written = values.get("format")
        return cls(**{**values, "format": None if written is None else OutputFormat(written)})

    @property
    def fingerprint(self) -> str:
        """A text that changes whenever the results would."""
        words = [f"{self.pipeline}/{_VERSION}"]
        words += [f"as {self.format}"] if self.format else []
        words += [f"quality {self.quality}"] if self.quality is not None else []
        words += ["without metadata"] if self.strip_metadata else []
        return ", ".join(words)

    def __str__(self) -> str:
        return textwrap.shorten(self.pipeline, _SHOWN, placeholder=" ...")


EDGES = Recipe()
