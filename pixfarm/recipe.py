"""A recipe: what is done to each image of a job."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from pixfarm.pipeline_text import own_functions

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
    def has_own_functions(self) -> bool:
        """Whether functions of people's own are called, which not every node may carry out."""
        return bool(own_functions(self.pipeline))

    @property
    def fingerprint(self) -> str:
        """A text that changes whenever the results would."""
        return ", ".join([f"{self.pipeline}/{_VERSION}", *self._files()])

    def __str__(self) -> str:
        return ", ".join([textwrap.shorten(self.pipeline, _SHOWN, placeholder=" ..."), *self._files()])

    def _files(self) -> list[str]:
        """What is particular about the files of results."""
        words = [f"as {self.format}"] if self.format else []
        words += [f"quality {self.quality}"] if self.quality is not None else []
        words += ["without metadata"] if self.strip_metadata else []
        return words


EDGES = Recipe()
