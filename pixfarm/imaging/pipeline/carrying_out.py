"""Carrying out a pipeline: one operation after the other, on the pixels of one image."""

from functools import lru_cache

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.laps import Laps
from pixfarm.imaging.operations import CATALOGUE
from pixfarm.imaging.pipeline.checking import Pipeline, parse
from pixfarm.imaging.pixels import Pixels
from pixfarm.pipeline_text import BadPipeline

_KEPT = 64  # a node works for a few jobs at a time


def canonical(text: str) -> str:
    """The pipeline as all nodes get it.

    Raises:
        BadPipeline: it cannot be carried out; the message says where and why.
    """
    return str(parse(text, CATALOGUE))


def carry_out(text: str, image: Pixels) -> tuple[Pixels, tuple[float, ...]]:
    """What a pipeline makes of an image, and the seconds that each operation took.

    Raises:
        TaskFailed: it cannot be done to this image, or to any.
    """
    try:
        pipeline = _parsed(text)
    except BadPipeline as error:  # of a node that knows other operations than the server
        raise TaskFailed(FailureCode.UNSUPPORTED, f"the pipeline is not known here: {error}") from error
    laps = Laps()
    seconds = []
    for step in pipeline.steps:
        try:
            image = step.operation.function(image, **step.arguments)
        except ValueError as error:
            raise TaskFailed(FailureCode.UNSUPPORTED, f"{step.operation.name}: {error}") from error
        seconds.append(laps.lap_s())
    return image, tuple(seconds)


@lru_cache(_KEPT)
def _parsed(text: str) -> Pipeline:
    return parse(text, CATALOGUE)
