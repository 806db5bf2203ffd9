"""Directories of images for the farm, and a look at what became of them."""

import os
from pathlib import Path

from PIL import Image

from pixfarm.farm import HOME
from pixfarm.imaging import ImageSettings, process_image

PHOTOGRAPHS = HOME / "data" / "input_dir"
SIZE_PX = (48, 32)


def save_image(path: Path, size_px: tuple[int, int] = SIZE_PX) -> Path:
    """A small image with an edge, in the format that the extension names; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size_px, (200, 180, 40))
    image.paste((10, 30, 220), (size_px[0] // 2, 0, *size_px))
    image.save(path)
    return path


def many_images(base: Path, number: int) -> Path:
    """A base path with that many small images: one file under many names."""
    first = save_image(base / "input_dir" / "image_0000.png")
    for index in range(1, number):
        os.link(first, first.with_name(f"image_{index:04}.png"))
    return base


def results(base: Path) -> list[str]:
    """Names of all files below output_dir, hidden ones too."""
    target = base / "output_dir"
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir())


def is_same_as_done_here(source: Path, result: Path, scratch: Path) -> bool:
    """Whether a result has the bytes that the library makes of the source in this process."""
    process_image(source, scratch / source.name, "expected", ImageSettings(fsync=False))
    return (scratch / source.name).read_bytes() == result.read_bytes()


def is_whole(path: Path, size_px: tuple[int, int] = SIZE_PX) -> bool:
    """Whether a file is an image of that size that decodes to its end."""
    with Image.open(path) as image:
        image.load()
        return image.size == size_px
