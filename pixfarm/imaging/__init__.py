"""What one image goes through: read, decode, operation, encode, publish. Only this package knows OpenCV."""

from pixfarm.imaging.operations import draw_edges
from pixfarm.imaging.processing import (
    Draft,
    ImageOutcome,
    ImageSettings,
    draft_image,
    process_image,
    warm_up,
)
from pixfarm.imaging.publishing import NotPublished

__all__ = [
    "Draft",
    "ImageOutcome",
    "ImageSettings",
    "NotPublished",
    "draft_image",
    "draw_edges",
    "process_image",
    "warm_up",
]
