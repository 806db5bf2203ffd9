"""Sets of JPEG photographs, cut from the few in data/input_dir: the same ones on every machine."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2  # noqa: TID251 - makes what is measured, and is no part of it
import numpy as np

from benchmarks.plan import HOME, WORK
from pixfarm.errors import UsageError
from pixfarm.imaging.pixels import Pixels

SOURCES = HOME / "data" / "input_dir"

# The photographs that can be enlarged to the sizes wanted here and still look like photographs.
_NAMES = (
    "space/astronaut.jpg",
    "retina.jpg",
    "space/africa_and_arabia.jpg",
    "summer_palace.jpg",
    "space/hubble_deep_field.webp",
    "coffee.jpg",
)
_QUALITY = 90
_LARGEST_ZOOM = 1.5
_MADE = "made.json"


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Which images: how many, their size in pixels, and the seed that cuts them."""

    count: int
    width_px: int
    height_px: int
    seed: int

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"{self.width_px}x{self.height_px}x{self.count}"


def image_set(wanted: ImageSet, work: Path = WORK, sources: Path = SOURCES) -> Path:
    """The base path of a set; made when it is not there yet, or not whole.

    Raises:
        UsageError: a photograph is missing or cannot be read.
    """
    base = work / wanted.name
    if _is_whole(base, wanted):
        return base
    shutil.rmtree(base, ignore_errors=True)
    (base / "input_dir").mkdir(parents=True)
    photographs = [_read(sources / name) for name in _NAMES]
    rng = np.random.default_rng(wanted.seed)
    for number in range(wanted.count):
        image = _cut(photographs[number % len(photographs)], wanted, rng)
        _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        (base / "input_dir" / f"{number:05}.jpg").write_bytes(content.tobytes())
    (base / _MADE).write_text(json.dumps(asdict(wanted)))  # the last one: with it the set is whole
    return base


def _is_whole(base: Path, wanted: ImageSet) -> bool:
    try:
        made = json.loads((base / _MADE).read_text())
    except (FileNotFoundError, ValueError):
        return False
    return bool(made == asdict(wanted)) and len(list((base / "input_dir").iterdir())) == wanted.count


def _read(path: Path) -> Pixels:
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); the images to measure with are made from the "
            "photographs in data/input_dir, so restore it: git checkout data/input_dir"
        ) from error
    if image is None:
        raise UsageError(f"{path} is not an image; restore it: git checkout data/input_dir")
    return image


def _cut(photograph: Pixels, wanted: ImageSet, rng: np.random.Generator) -> Pixels:
    """A random part of a photograph, at a random zoom, mirrored or not."""
    height, width = photograph.shape[:2]
    fit = max(wanted.width_px / width, wanted.height_px / height)
    zoom = fit * rng.uniform(1.0, _LARGEST_ZOOM)
    # The window in the photograph that becomes the whole image.
    window_width = min(width, round(wanted.width_px / zoom))
    window_height = min(height, round(wanted.height_px / zoom))
    left = int(rng.integers(0, width - window_width + 1))
    top = int(rng.integers(0, height - window_height + 1))
    window = photograph[top : top + window_height, left : left + window_width]
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    image = cv2.resize(window, (wanted.width_px, wanted.height_px), interpolation=way)
    return cv2.flip(image, 1) if rng.integers(2) else image
