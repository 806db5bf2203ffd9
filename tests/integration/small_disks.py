"""Disks of their own for single folders."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, *, read_only: bool = False) -> Iterator[None]:
    """A file system of 1 MiB in a new folder; read-only, not even root can write there."""
    folder.mkdir()
    options = "size=1m,ro" if read_only else "size=1m"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nobody but root may mount a small disk, and not everywhere")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
