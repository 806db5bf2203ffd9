"""Recipes as a server takes them: looked at as a whole before any image is touched."""

import dataclasses

from pixfarm.errors import InvalidRequest
from pixfarm.recipe import EDGES, OutputFormat, Recipe

_WITHOUT_QUALITY = (OutputFormat.PNG, OutputFormat.TIFF, OutputFormat.BMP)


def checked(recipe: Recipe) -> Recipe:
    """The recipe as nodes get it.

    Raises:
        InvalidRequest: it cannot be carried out; the message says where and why.
    """
    if recipe.quality is not None and recipe.format in _WITHOUT_QUALITY:
        raise InvalidRequest(f"{recipe.format} is lossless and has no quality; leave --quality out")
    if recipe.pipeline == EDGES.pipeline:
        return recipe
    # Here and not above: OpenCV would double the memory of servers that never need it.
    from pixfarm import imaging  # noqa: PLC0415

    return dataclasses.replace(recipe, pipeline=imaging.canonical(recipe.pipeline))
