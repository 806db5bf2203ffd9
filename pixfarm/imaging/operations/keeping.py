"""The operation `keep`: the image as it is."""

from pixfarm.imaging.operations.declaration import operation
from pixfarm.imaging.pixels import Pixels


@operation("keep")
def keep(image: Pixels) -> Pixels:
    """Leaves every pixel as it is: for another format, another quality or no metadata alone."""
    return image.copy()
