"""Judges a job by files, report and trace alone; knows nothing of how the farm works.

What must hold of each eligible image, and what a violation is called:

- unsettled: the job has no end, or an image has no state, several states, or was acknowledged twice.
- lost: it is not done although it may not fail; or done, reported or acknowledged, and not there.
- half: a file under a final name that does not decode to its end.
- wrong: a whole file that is not what one undisturbed run makes of the source, or a result where
  there cannot be one.
- stray: any other file in output_dir. Temporary files are for parts() to find, which is asked when what was
  frozen has thawed.

Failed and present do exclude each other for an image that cannot be done. An image that could have been
done may be both: a node or a worker that publishes and dies before it answers leaves a result of which
nobody was told. Then the file must still be whole and right.
"""

import collections
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from tests.chaos.sources import Expected, digest

DONE, FAILED = "done", "failed"
_STRUCK = 2


@dataclass
class Findings:
    """What is wrong, one line per case; ``struck`` is not wrong, see judge()."""

    lost: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Every violation."""
        kinds = ("lost", "half", "wrong", "stray", "unsettled")
        return [f"{kind}: {line}" for kind in kinds for line in getattr(self, kind)]

    def add(self, other: "Findings") -> None:
        for name, lines in vars(other).items():
            getattr(self, name).extend(lines)


@dataclass(frozen=True)
class Evidence:
    """What is known of one job after its end.

    Args:
        job: its id.
        expected: what may become of each name.
        report: the client's JSON.
        states: name and state of every image in the order of ``client.py --report``.
        events: the server's trace of this job.
        output_dir: the results.
    """

    job: str
    expected: Mapping[str, Expected]
    report: dict[str, Any]
    states: list[tuple[str, str]]
    events: list[dict[str, Any]]
    output_dir: Path


def judge(evidence: Evidence, *, worker_deaths: int = 0) -> Findings:
    """What is wrong with a job that should have finished.

    Args:
        evidence: of the job.
        worker_deaths: how many workers were killed on purpose. An image that two of them had in hand is
            given up by rule; when the trace has both deaths it counts as struck and not as lost.
    """
    found = Findings()
    states = _states(evidence, found)
    present = files(evidence.output_dir)
    _check_settled(evidence, states, found)
    for name, expected in evidence.expected.items():
        content = present.pop(name, None)
        if content is not None:
            check_result(name, expected, content, found)
        state = states.get(name)
        if state == FAILED and not expected.may_fail:
            struck = worker_deaths >= _STRUCK and _crashes(evidence.events, name) >= _STRUCK
            (found.struck if struck else found.lost).append(f"{evidence.job}: {name!r} is failed")
        elif state not in {DONE, FAILED} and not (state is None and expected.may_be_missed):
            found.lost.append(f"{evidence.job}: {name!r} is {state}")
        if state == DONE and content is None:
            found.lost.append(f"{evidence.job}: {name!r} is done and not there")
    found.stray.extend(f"{evidence.job}: {name!r}" for name in present if not _is_part(name))
    return found


def check_result(name: str, expected: Expected, content: bytes, found: Findings) -> None:
    """Whether a file under a final name is one that may be there."""
    if expected.may_be_done and digest(content) in expected.results:
        return
    if not is_whole(content):
        found.half.append(f"{name!r}: {len(content)} bytes")
    elif not (expected.may_be_done and expected.may_be_any):
        found.wrong.append(f"{name!r}: {len(content)} bytes")


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                found[str(path.relative_to(folder))] = path.read_bytes()
            except FileNotFoundError:
                continue  # a temporary file that was just renamed or removed
    return found


def parts(folder: Path) -> list[str]:
    """Temporary files below a folder."""
    return [name for name in files(folder) if _is_part(name)]


def is_whole(content: bytes) -> bool:
    """Whether an image file decodes to its end."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):  # what Pillow raises on damaged files
        return False
    return True


def redone(events: Iterable[dict[str, Any]], since: float) -> int:
    """How many images were done before that moment and sent again after it."""
    done, again = set(), set()
    for event in events:
        if event["event"] == "answer" and event["outcome"] == DONE and event["t"] <= since:
            done.add(event["image"])
        elif event["event"] == "sent" and event["t"] > since and event["image"] in done:
            again.add(event["image"])
    return len(again)


def hit(events: Iterable[dict[str, Any]]) -> int:
    """How many attempts got no answer: their node, their connection or the server was gone."""
    unanswered, broken = set(), 0
    for event in events:
        if event["event"] == "sent":
            unanswered.add(event["attempt"])
        elif event["event"] == "answer":
            unanswered.discard(event["attempt"])
            broken += event["outcome"] in {"lost", "foreign", "unreachable"}
    return len(unanswered) + broken


def in_flight(events: Iterable[dict[str, Any]], at: float) -> int:
    """How many attempts were sent and not answered at that moment."""
    open_attempts = set()
    for event in events:
        if event["t"] > at:
            continue
        if event["event"] == "sent":
            open_attempts.add(event["attempt"])
        elif event["event"] == "answer":
            open_attempts.discard(event["attempt"])
    return len(open_attempts)


def _is_part(name: str) -> bool:
    base = Path(name).name
    return base.startswith(".") and base.endswith(".part")


def _states(evidence: Evidence, found: Findings) -> dict[str, str]:
    counted = collections.Counter(name for name, _ in evidence.states)
    found.unsettled.extend(
        f"{evidence.job}: {name!r} has {number} states" for name, number in counted.items() if number > 1
    )
    unknown = set(counted) - set(evidence.expected)
    found.unsettled.extend(f"{evidence.job}: {name!r} is no image of this job" for name in unknown)
    return dict(evidence.states)


def _check_settled(evidence: Evidence, states: dict[str, str], found: Findings) -> None:
    report = evidence.report
    if report.get("state") != "finished":
        found.unsettled.append(f"{evidence.job}: the job is {report.get('state')}: {report.get('message')}")
    counts = collections.Counter(states.values())
    told = {DONE: report.get("done"), FAILED: report.get("failed")}
    if any(counts[state] != number for state, number in told.items()):
        found.unsettled.append(f"{evidence.job}: the report counts {told}, the images are {dict(counts)}")
    acknowledged = collections.Counter(
        (event["image"], event["state"])
        for event in evidence.events
        if event["event"] == "ended" and event["state"] in {DONE, FAILED}
    )
    for (name, state), number in acknowledged.items():
        if number > 1:
            found.unsettled.append(f"{evidence.job}: {name!r} was acknowledged {number} times as {state}")
        if states.get(name) != state:
            found.lost.append(f"{evidence.job}: {name!r} was acknowledged {state}, and is {states.get(name)}")


def _crashes(events: Iterable[dict[str, Any]], name: str) -> int:
    return sum(
        event["event"] == "answer" and event["image"] == name and event["code"] == "CRASHED"
        for event in events
    )
