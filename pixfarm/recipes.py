"""Recipes as a server takes them: looked at as a whole before any image is touched."""

import dataclasses

from pixfarm.recipe import EDGES, Recipe


def checked(recipe: Recipe) -> Recipe:
    """The recipe as nodes get it.

    Raises:
        InvalidRequest: it cannot be carried out; the message says where and why.
    """
    if recipe == EDGES:
        return recipe
    # Here and not above: OpenCV would double the memory of servers that never need it.
    from pixfarm import imaging  # noqa: PLC0415

    return dataclasses.replace(recipe, pipeline=imaging.canonical(recipe.pipeline))
