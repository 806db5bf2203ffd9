import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RequireTool = Callable[[str], str]

# Hundreds of tests start tiers. Where Python may not write bytecode, each tier compiles all of pixfarm again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_TESTS = Path(__file__).parent
# Thousands of tests of milliseconds: to hand them out one by one takes longer than they do.
_GOES_BY_MODULE = (_TESTS / "unit", _TESTS / "integration" / "imaging")


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marks of plugins known that a run may go without."""
    config.addinivalue_line("markers", "no_cover: coverage does not look (pytest-cov)")
    config.addinivalue_line("markers", "xdist_group(name): in one process with its group (pytest-xdist)")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the small tests of a module together when pytest-xdist distributes groups."""
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in _GOES_BY_MODULE):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture
def require_tool() -> RequireTool:
    """The path of a program that is no Python package; without it a desk skips the test, and CI fails."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"this test needs the program {name!r}")
        return path

    return find
