from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.journal import Journal
from tests.integration.journal.journal_parts import opened


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with one running job, `job-1`."""
    with opened(tmp_path / "state", "job-1") as journal:
        yield journal
