import os
import shutil
from collections.abc import Callable

import pytest

RequireTool = Callable[[str], str]


@pytest.fixture
def require_tool() -> RequireTool:
    """The path of a program that is no Python package; without it a desk skips the test, and CI fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"this test needs the program {name!r}")
        return path

    return find
