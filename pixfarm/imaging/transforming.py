"""Transforming: from the bytes of a source to those of its result."""

from pathlib import Path

from pixfarm.imaging.decoding import decode
from pixfarm.imaging.finishing import Finished, finish
from pixfarm.imaging.formats import examine
from pixfarm.imaging.laps import Laps
from pixfarm.imaging.pipeline.carrying_out import carry_out, understand
from pixfarm.imaging.pipeline.planning import plan_for
from pixfarm.phases import Phases
from pixfarm.recipe import Recipe


def transform(content: bytes, recipe: Recipe, code: Path | None = None) -> tuple[Finished, Phases]:
    """What a recipe makes of a source, and how long decoding, operations and encoding took.

    Args:
        content: the file.
        recipe: what is done.
        code: the directory of people's own functions; None when they are not carried out.

    Raises:
        TaskFailed: it cannot be done to this file.
        cv2.error: it cannot; or there is not enough memory (code ``cv2.Error.StsNoMem``).
    """
    laps = Laps()
    examined = examine(content)
    plan = plan_for(understand(recipe.pipeline), examined)
    image = decode(examined, plan.decoding)
    decoding = laps.lap_s()
    image, operations = carry_out(plan.pipeline, image, code)
    laps.lap_s()
    finished = finish(image, examined, recipe)
    return finished, Phases(decoding=decoding, operations=operations, encoding=laps.lap_s())
