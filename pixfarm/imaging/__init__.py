"""What one image goes through: read, decode, operation, encode, publish. Only this package knows OpenCV."""

from pixfarm.imaging.operations import CATALOGUE, draw_edges
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.imaging.processing import ImageOutcome, ImageSettings, process_image, warm_up
from pixfarm.imaging.publishing import NotPublished

__all__ = [
    "CATALOGUE",
    "ImageOutcome",
    "ImageSettings",
    "NotPublished",
    "canonical",
    "draw_edges",
    "process_image",
    "warm_up",
]
