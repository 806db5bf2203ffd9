"""A recipe: what is done to each image of a job."""

import textwrap
from dataclasses import dataclass

DEFAULT_PIPELINE = "edges"
# Changes whenever the results of a pipeline would, because operations do another thing than before.
_OPERATIONS_VERSION = 1
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to each image of a job.

    Args:
        pipeline: operations as text; on the server and beyond in the form that imaging.canonical() gives.
    """

    pipeline: str = DEFAULT_PIPELINE

    @property
    def fingerprint(self) -> str:
        """A text that changes whenever the results would."""
        return f"{self.pipeline}/{_OPERATIONS_VERSION}"

    def __str__(self) -> str:
        return textwrap.shorten(self.pipeline, _SHOWN, placeholder=" ...")


EDGES = Recipe()
