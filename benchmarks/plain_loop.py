"""The loop that a user would write without pixfarm; prints its seconds. Run it: plain_loop.py BASE."""

import sys
import time
from pathlib import Path

import cv2  # noqa: TID251 - what pixfarm is compared with


def process_all(base: Path) -> float:
    """Does all images of ``base/input_dir`` one after another; returns the seconds."""
    output = base / "output_dir"
    output.mkdir(exist_ok=True)
    started_at = time.perf_counter()
    for source in sorted((base / "input_dir").iterdir()):
        image = cv2.imread(str(source))
        assert image is not None
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        edges = cv2.Canny(cv2.blur(grey, (3, 3)), 50, 150)
        result = image // 2
        result[edges > 0] = (0, 255, 0)
        cv2.imwrite(str(output / source.name), result)
    return time.perf_counter() - started_at


if __name__ == "__main__":
    print(process_all(Path(sys.argv[1])))
