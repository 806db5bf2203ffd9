"""What one image goes through: read, decode, operation, encode, publish. Only this package knows OpenCV."""

from pixfarm.imaging.operations import CATALOGUE, draw_edges
from pixfarm.imaging.operations.declaration import Operation, Parameter
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.imaging.pipeline.checking import find_operation
from pixfarm.imaging.processing import (
    Draft,
    ImageOutcome,
    ImageSettings,
    draft_image,
    process_image,
    try_image,
    warm_up,
)
from pixfarm.imaging.publishing import NotPublished
from pixfarm.imaging.viewing import Picture, size_px, small_picture

__all__ = [
    "CATALOGUE",
    "Draft",
    "ImageOutcome",
    "ImageSettings",
    "NotPublished",
    "Operation",
    "Parameter",
    "Picture",
    "canonical",
    "draft_image",
    "draw_edges",
    "find_operation",
    "process_image",
    "size_px",
    "small_picture",
    "try_image",
    "warm_up",
]
