"""What to do when something is not installed."""

import sys
from pathlib import Path

import pytest

from pixfarm import prerequisites

HOME = Path("/srv/pixfarm")
INSTALL = "-m pip install -r /srv/pixfarm/requirements.txt"


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of a Debian, into which nothing may be installed."""
    for name in ("prefix", "base_prefix"):
        monkeypatch.setattr(sys, name, "/usr")
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")


def test_an_environment_that_make_has_made_is_pointed_to(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    activate = tmp_path / ".venv" / "bin" / "activate"
    assert prerequisites.way_out(tmp_path) == (
        f".venv/bin/python has what `make` installed; first run: . {activate}"
    )


def test_who_has_no_environment_is_told_how_to_make_one() -> None:
    assert prerequisites.way_out(HOME) == (
        "run: /usr/bin/python3 -m venv /srv/pixfarm/.venv && . /srv/pixfarm/.venv/bin/activate && "
        f"python {INSTALL}"
    )


def test_an_environment_of_ones_own_gets_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/home/me/env")
    monkeypatch.setattr(sys, "executable", "/home/me/env/bin/python")
    assert prerequisites.way_out(HOME) == f"run: /home/me/env/bin/python {INSTALL}"


def test_the_command_can_be_pasted_though_the_path_has_spaces() -> None:
    assert ". '/my files/pixfarm/.venv/bin/activate'" in prerequisites.way_out(Path("/my files/pixfarm"))
