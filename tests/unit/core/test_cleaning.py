import logging
import os
import time
from pathlib import Path

import pytest

from pixfarm import cleaning
from pixfarm.listing import SourceTree, source_tree

OURS, LIVING, STRANGE = "a" * 32, "b" * 32, "c" * 32
DAY_S = 24 * 3600.0


def leave(target: Path, token: str, age_s: float = 0.0, name: str = "x.jpg") -> Path:
    """A temporary file of an attempt."""
    part = target / f".{name}.{token}-7.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"half")
    then = time.time() - age_s
    os.utime(part, (then, then))
    return part


def sweep(base: Path, *, stop: bool = False) -> None:
    """As a job does whose server has had runs with the tokens OURS and LIVING; the latter goes on."""
    owners = {OURS: "job-1", LIVING: "job-2"}
    tree = SourceTree(base, base, base / "output_dir")
    cleaning.sweep(tree, owners.get, lambda: {LIVING}, lambda: stop)


def test_what_a_dead_run_has_left_is_removed(tmp_path: Path) -> None:
    parts = [leave(tmp_path / "output_dir" / below, OURS) for below in ("", "b/c")]
    sweep(tmp_path)
    assert not any(part.exists() for part in parts)


@pytest.mark.parametrize("age_s", [0.0, 100 * DAY_S], ids=["new", "old"])
def test_what_a_living_run_writes_is_never_touched(tmp_path: Path, age_s: float) -> None:
    part = leave(tmp_path / "output_dir", LIVING, age_s)
    sweep(tmp_path)
    assert part.exists()


def test_a_run_that_begins_during_the_sweep_is_safe(tmp_path: Path) -> None:
    living: set[str] = set()
    part = leave(tmp_path / "output_dir", OURS)

    def begins() -> bool:
        living.add(OURS)
        return False

    cleaning.sweep(
        SourceTree(tmp_path, tmp_path, tmp_path / "output_dir"), lambda _: "job-1", lambda: living, begins
    )
    assert part.exists()


@pytest.mark.parametrize(("age_s", "stays"), [(0.9 * DAY_S, True), (1.1 * DAY_S, False)], ids=["new", "old"])
def test_what_a_strange_server_has_left_is_removed_after_a_day(
    tmp_path: Path,
    age_s: float,
    stays: bool,  # noqa: FBT001
) -> None:
    part = leave(tmp_path / "output_dir", STRANGE, age_s)
    sweep(tmp_path)
    assert part.exists() is stays


def test_nothing_but_temporary_files_of_attempts_is_removed(tmp_path: Path) -> None:
    leave(tmp_path / "output_dir", OURS)
    names = ["x.jpg", ".hidden", f".x.jpg.{OURS}.part", f"x.jpg.{OURS}-7.part", ".x.jpg.part"]
    for name in names:
        (tmp_path / "output_dir" / name).touch()
    sources = leave(tmp_path / "input_dir", OURS)
    sweep(tmp_path)
    assert sorted(path.name for path in (tmp_path / "output_dir").iterdir()) == sorted(names)
    assert sources.exists()


def test_a_stopped_sweep_removes_nothing(tmp_path: Path) -> None:
    part = leave(tmp_path / "output_dir", OURS)
    sweep(tmp_path, stop=True)
    assert part.exists()


def test_without_results_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_says_how_much_it_has_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pixfarm.cleaning")
    leave(tmp_path / "output_dir", OURS)
    sweep(tmp_path)
    sweep(tmp_path)
    assert [message.split(" of ")[0] for message in caplog.messages] == ["1 temporary files"]


def test_of_doubtful_attempts_only_their_own_files_are_removed(tmp_path: Path) -> None:
    target = tmp_path / "output_dir"
    mine, result = leave(target / "b", OURS), target / "b" / "x.jpg"
    others = [leave(target / "b", OURS, name="y.jpg"), leave(target / "b", LIVING)]
    result.touch()
    tree = source_tree(str(tmp_path))
    cleaning.remove(tree, [("b/x.jpg", f"{OURS}-7"), ("b/x.jpg", f"{OURS}-8"), ("z.jpg", f"{OURS}-7")])
    assert not mine.exists()
    assert all(path.exists() for path in (*others, result))


def test_an_attempt_that_cannot_be_cleaned_up_hinders_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    part = leave(tmp_path / "output_dir", OURS)
    cleaning.remove(source_tree(str(tmp_path)), [("../x.jpg", f"{OURS}-7"), ("x.jpg", f"{OURS}-7")])
    assert not part.exists()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "'../x.jpg' stays" in caplog.text
