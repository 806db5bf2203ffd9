"""The summary tells what was run and what was found; the trace is read while it grows."""

import collections
from pathlib import Path

from tests.chaos.checker import Findings
from tests.chaos.outcome import Outcome, as_markdown
from tests.chaos.trace_file import TraceFile


def test_an_outcome_is_good_until_something_is_found_or_a_line_is_broken() -> None:
    assert Outcome("s", "l").violations == []
    assert Outcome("s", "l", found=Findings(lost=["a"])).violations == ["lost: a"]
    assert Outcome("s", "l", broken=["too slow"]).violations == ["too slow"]
    assert Outcome("s", "l", found=Findings(struck=["a"])).violations == []


def test_the_summary_has_a_row_of_numbers_and_what_could_not_be_run() -> None:
    outcome = Outcome("disk", "no false done", seed=3, images=1200, seconds=7.4)
    outcome.faults = collections.Counter({"full": 4, "fsync EIO": 5})
    outcome.found = Findings(half=["a.png"], stray=["x", "y"])
    outcome.not_run = ["link down: needs root"]
    summary = as_markdown([outcome])
    assert "| disk | 1,200 | 9 | 0 | 1 | 0 | 2 | 0 | 7 | FAILED |" in summary
    assert "- Faults: fsync EIO 5, full 4." in summary
    assert "- Not run here: link down: needs root." in summary
    assert "- VIOLATION half: a.png" in summary


def test_runs_of_one_scenario_are_added_up() -> None:
    first = Outcome("s", "l", images=10, faults=collections.Counter(kill=1), not_run=["x"])
    first.add(Outcome("s", "l", images=5, faults=collections.Counter(kill=2), not_run=["x"], broken=["late"]))
    assert (first.images, first.faults["kill"], first.not_run, first.broken) == (15, 3, ["x"], ["late"])


def test_a_trace_is_read_by_whole_lines_and_a_torn_one_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    trace = TraceFile(path)
    assert trace.of_job("a") == []
    path.write_text('{"job": "a", "t": 1}\n{"job": "b"')
    assert trace.of_job("a") == [{"job": "a", "t": 1}]
    assert trace.of_job("b") == []
    with path.open("a") as file:
        file.write('}\n{"jo{"job": "a", "t": 2}\n')
    assert trace.of_job("b") == [{"job": "b"}]
    assert trace.torn == ['{"jo{"job": "a", "t": 2}']
