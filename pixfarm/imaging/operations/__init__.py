"""What can be done to a decoded image, a module each."""

from pixfarm.imaging.operations.edges import draw_edges

__all__ = ["draw_edges"]
