"""Directories of tiny files with the names of images: for what the server does, which opens none of them."""

import shutil
from pathlib import Path

_MADE = "made"


def tiny_files(count: int, work: Path) -> Path:
    """The base path of a directory of ``count`` files; made when it is not there yet, or not whole."""
    base = work / f"tiny-{count}"
    if (base / _MADE).exists():
        return base
    shutil.rmtree(base, ignore_errors=True)
    source = base / "input_dir"
    source.mkdir(parents=True)
    for number in range(count):
        (source / f"{number:06}.jpg").write_bytes(b"tiny")
    (base / _MADE).touch()
    return base
