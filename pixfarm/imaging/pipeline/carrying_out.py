"""Carrying out a pipeline: one operation after the other, on the pixels of one image."""

from functools import lru_cache
from pathlib import Path

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.laps import Laps
from pixfarm.imaging.operations import CATALOGUE
from pixfarm.imaging.own_functions import call
from pixfarm.imaging.pipeline.checking import Pipeline, Step, parse
from pixfarm.imaging.pipeline.own_steps import OwnStep
from pixfarm.imaging.pixels import Pixels
from pixfarm.pipeline_text import BadPipeline

_KEPT = 64  # a node works for a few jobs at a time


def canonical(text: str) -> str:
    """The pipeline as all nodes get it.

    Raises:
        BadPipeline: it cannot be carried out; the message says where and why.
    """
    return str(parse(text, CATALOGUE))


def understand(text: str) -> Pipeline:
    """The steps of a pipeline.

    Raises:
        TaskFailed: it cannot be done to any image.
    """
    try:
        return _parsed(text)
    except BadPipeline as error:  # of a node that knows other operations than the server
        raise TaskFailed(FailureCode.UNSUPPORTED, f"the pipeline is not known here: {error}") from error


def carry_out(
    pipeline: Pipeline, image: Pixels, code: Path | None = None
) -> tuple[Pixels, tuple[float, ...]]:
    """What a pipeline makes of an image, and the seconds that each operation took.

    Args:
        pipeline: its steps.
        image: the image.
        code: where functions of people's own are; None when they are not carried out here.

    Raises:
        TaskFailed: it cannot be done to this image.
    """
    laps = Laps()
    seconds = []
    for step in pipeline.steps:
        image = _carried_out(step, image, code)
        seconds.append(laps.lap_s())
    return image, tuple(seconds)


def _carried_out(step: Step | OwnStep, image: Pixels, code: Path | None) -> Pixels:
    if isinstance(step, OwnStep):
        return call(step, image, code)
    try:
        return step.operation.function(image, **step.arguments)
    except ValueError as error:
        raise TaskFailed(FailureCode.UNSUPPORTED, f"{step.name}: {error}") from error


@lru_cache(_KEPT)
def _parsed(text: str) -> Pipeline:
    return parse(text, CATALOGUE)
