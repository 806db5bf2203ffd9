"""What can be done to a decoded image, a module each."""

from pixfarm.imaging.operations import edges  # noqa: F401 - each module enters its operations
from pixfarm.imaging.operations.declaration import CATALOGUE
from pixfarm.imaging.operations.edges import draw_edges

__all__ = ["CATALOGUE", "draw_edges"]
