"""Image files for workers: small ones that are done at once, and one that takes a while."""

from pathlib import Path

import numpy as np
from PIL import Image


def save_image(path: Path, height: int = 24, width: int = 40) -> Path:
    """Writes an image with a slope and an edge, in the format of its extension; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([columns * 5, rows * 9, rows + columns], axis=-1).astype(np.uint8)
    pixels[height // 2 :, width // 2 :] = (10, 30, 220)
    Image.fromarray(pixels).save(path)
    return path


def save_slow_image(path: Path) -> Path:
    """Writes an image of noise that takes a worker a good part of a second, most of it to encode."""
    noise = np.random.default_rng(1).integers(0, 256, (2500, 2500, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path, compress_level=0)
    return path
