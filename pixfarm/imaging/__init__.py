"""What one image goes through: read, decode, operation, encode, publish. Only this package knows OpenCV."""

from pixfarm.imaging.operations import CATALOGUE, draw_edges
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.imaging.processing import (
    Draft,
    ImageOutcome,
    ImageSettings,
    draft_image,
    process_image,
    publish,
    warm_up,
)
from pixfarm.imaging.publishing import NotPublished

__all__ = [
    "CATALOGUE",
    "Draft",
    "ImageOutcome",
    "ImageSettings",
    "NotPublished",
    "canonical",
    "draft_image",
    "draw_edges",
    "process_image",
    "publish",
    "warm_up",
]
