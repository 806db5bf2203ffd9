"""What can be done to a decoded image. Each module enters its operations into the catalogue."""

from pixfarm.imaging.operations import (
    colour,  # noqa: F401
    edge_finding,  # noqa: F401
    edges,  # noqa: F401
    framing,  # noqa: F401
    keeping,  # noqa: F401
    marking,  # noqa: F401
    pixelating,  # noqa: F401
    resizing,  # noqa: F401
    shapes,  # noqa: F401
    sharpening,  # noqa: F401
    smoothing,  # noqa: F401
    thresholding,  # noqa: F401
    tone,  # noqa: F401
    vignetting,  # noqa: F401
)
from pixfarm.imaging.operations.declaration import CATALOGUE
from pixfarm.imaging.operations.edges import draw_edges

__all__ = ["CATALOGUE", "draw_edges"]
