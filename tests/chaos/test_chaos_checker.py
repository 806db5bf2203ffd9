"""The checker finds each violation that is planted, and nothing where there is none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.checker import Evidence, Findings, hit, in_flight, judge, parts, redone
from tests.chaos.sources import Expected, digest, originals

CONTENT = originals().contents["png"]
OTHER = originals().contents["PNG"]


def event(kind: str, t: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"t": t, "event": kind, "job": "j", "image": "a.png", "attempt": "1", "code": "", **more}


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    """Of a job in which all is as it should be: a.png is done, b.png cannot be done and failed."""
    (tmp_path / "a.png").write_bytes(CONTENT)
    return Evidence(
        job="j",
        expected={
            "a.png": Expected({digest(CONTENT)}),
            "b.png": Expected(set(), may_be_done=False, may_fail=True),
        },
        report={"state": "finished", "done": 1, "failed": 1},
        states=[("a.png", "done"), ("b.png", "failed")],
        events=[event("ended", state="done"), event("ended", image="b.png", state="failed")],
        output_dir=tmp_path,
    )


def test_nothing_is_found_where_nothing_is_wrong(evidence: Evidence) -> None:
    assert judge(evidence) == Findings()


def remove_result(evidence: Evidence) -> Evidence:
    (evidence.output_dir / "a.png").unlink()
    return evidence


def halve_result(evidence: Evidence) -> Evidence:
    (evidence.output_dir / "a.png").write_bytes(CONTENT[: len(CONTENT) // 2])
    return evidence


def empty_result(evidence: Evidence) -> Evidence:
    (evidence.output_dir / "a.png").write_bytes(b"")
    return evidence


def swap_result(evidence: Evidence) -> Evidence:
    (evidence.output_dir / "a.png").write_bytes(OTHER)
    return evidence


def add_file(evidence: Evidence) -> Evidence:
    (evidence.output_dir / "c.png").write_bytes(CONTENT)
    return evidence


def give_the_impossible_a_result(evidence: Evidence) -> Evidence:
    (evidence.output_dir / "b.png").write_bytes(CONTENT)
    return evidence


def forget_image(evidence: Evidence) -> Evidence:
    return replace(evidence, states=evidence.states[1:], events=[], report={**evidence.report, "done": 0})


def list_image_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, states=[*evidence.states, ("a.png", "done")])


def invent_image(evidence: Evidence) -> Evidence:
    return replace(evidence, states=[*evidence.states, ("z.png", "skipped")])


def acknowledge_twice(evidence: Evidence) -> Evidence:
    return replace(evidence, events=[*evidence.events, event("ended", state="done")])


def forget_acknowledgement(evidence: Evidence) -> Evidence:
    return replace(evidence, events=[event("ended", image="b.png", state="done"), evidence.events[0]])


def miscount(evidence: Evidence) -> Evidence:
    return replace(evidence, report={**evidence.report, "done": 2})


def give_up(evidence: Evidence) -> Evidence:
    return replace(evidence, report={**evidence.report, "state": "gave up"})


def fail_good_image(evidence: Evidence) -> Evidence:
    states = [("a.png", "failed"), ("b.png", "failed")]
    return replace(evidence, states=states, report={"state": "finished", "done": 0, "failed": 2}, events=[])


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (remove_result, "lost"),
        (halve_result, "half"),
        (empty_result, "half"),
        (swap_result, "wrong"),
        (give_the_impossible_a_result, "wrong"),
        (add_file, "stray"),
        (forget_image, "lost"),
        (list_image_twice, "unsettled"),
        (invent_image, "unsettled"),
        (acknowledge_twice, "unsettled"),
        (forget_acknowledgement, "lost"),
        (miscount, "unsettled"),
        (give_up, "unsettled"),
        (fail_good_image, "lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_planted_violation_is_found(
    evidence: Evidence, plant: Callable[[Evidence], Evidence], kind: str
) -> None:
    found = judge(plant(evidence))
    assert len(getattr(found, kind)) == len(found.all) == 1


def test_a_good_image_may_fail_when_two_workers_were_killed_over_it(evidence: Evidence) -> None:
    crashes = [event("answer", outcome="failed", code="CRASHED")] * 2
    struck = replace(fail_good_image(evidence), events=crashes)
    assert judge(struck, worker_deaths=2).all == []
    assert len(judge(struck, worker_deaths=2).struck) == 1
    assert len(judge(struck, worker_deaths=1).lost) == 1
    assert len(judge(replace(struck, events=crashes[:1]), worker_deaths=2).lost) == 1


def test_a_failed_image_may_have_a_result_only_if_it_is_right(evidence: Evidence) -> None:
    evidence.expected["a.png"].may_fail = True
    assert judge(fail_good_image(evidence)).all == []
    assert len(judge(swap_result(fail_good_image(evidence))).wrong) == 1


def test_a_source_that_was_deleted_may_be_missing_and_no_other(evidence: Evidence) -> None:
    evidence.expected["a.png"].may_be_missed = True
    assert judge(forget_image(evidence)).all == []


def test_any_whole_image_is_right_where_nobody_knows_the_right_one(evidence: Evidence) -> None:
    evidence.expected["a.png"].may_be_any = True
    assert judge(swap_result(evidence)).all == []
    assert len(judge(halve_result(evidence)).half) == 1


def test_temporary_files_are_found_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".a.png.token-1.part").write_bytes(b"x")
    (tmp_path / "a.part.png").write_bytes(b"x")
    assert parts(tmp_path) == ["deep/.a.png.token-1.part"]


def test_what_was_done_before_and_sent_again_after_counts_as_redone() -> None:
    events = [
        event("answer", 1.0, outcome="done"),
        event("sent", 1.5, image="b.png"),
        event("answer", 1.6, image="b.png", outcome="lost"),
        event("sent", 3.0),
        event("sent", 3.0, image="b.png"),
    ]
    assert redone(events, since=2.0) == 1


def test_an_attempt_is_in_flight_until_it_is_answered() -> None:
    events = [
        event("sent", 1.0, attempt="1"),
        event("sent", 1.0, attempt="2"),
        event("answer", 2.0, attempt="1", outcome="done"),
        event("sent", 4.0, attempt="3"),
    ]
    assert (in_flight(events, 1.5), in_flight(events, 3.0)) == (2, 1)


def test_an_attempt_is_hit_when_its_answer_is_lost_or_never_comes() -> None:
    events = [
        event("sent", attempt="1"),
        event("answer", attempt="1", outcome="lost"),
        event("sent", attempt="2"),
        event("answer", attempt="2", outcome="refused"),
        event("sent", attempt="3"),
    ]
    assert hit(events) == 2
