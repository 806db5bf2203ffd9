"""What the default operation must make of a source, computed anew and plainly with OpenCV."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.integration.imaging.image_files import expected_edges, to_bgr

# Lossless formats must be equal to the last bit, a JPEG about what another encoder makes at this quality.
_JPEG = {".jpg", ".jpeg"}
_JPEG_QUALITY = 95
_JPEG_MEAN_ERROR = 2.0


def differences(source_dir: Path, output_dir: Path) -> list[str]:
    """The names below source_dir whose result has not the pixels of the definition."""
    wrong = []
    for source in sorted(path for path in source_dir.rglob("*") if path.is_file()):
        name = source.relative_to(source_dir)
        is_jpeg = source.suffix.lower() in _JPEG
        expected = to_bgr(expected_edges(to_bgr(_rgb(source.read_bytes()))))
        if is_jpeg:
            buffer = io.BytesIO()
            Image.fromarray(expected).save(buffer, "jpeg", quality=_JPEG_QUALITY)
            expected = _rgb(buffer.getvalue())
        result = _rgb((output_dir / name).read_bytes())
        bound = _JPEG_MEAN_ERROR if is_jpeg else 0.0
        if result.shape != expected.shape or np.abs(result.astype(int) - expected).mean() > bound:
            wrong.append(str(name))
    return wrong


def _rgb(content: bytes) -> npt.NDArray[Any]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))
