import dataclasses
import re

import pytest

from pixfarm.model import NodeCounts
from pixfarm.phases import Phases
from pixfarm.timings import timings_of
from pixfarm.verdict import verdict
from tests.unit.core.timing_parts import EVEN, job, node

FILES = "the file server or disk is the limit, more nodes will not help"
PROCESSORS = "the processors are the limit, more nodes help"


def sentence(*nodes: NodeCounts, pipeline: str = "edges") -> str:
    timings = timings_of(job(*nodes, pipeline=pipeline))
    assert timings is not None
    return verdict(timings)


def phases(*percents: int) -> Phases:
    """Sending, reading, decoding, operations, encoding and writing, of an image that takes 0.1 s for all."""
    assert sum(percents) == 100
    sending, reading, decoding, *operations, encoding, writing = (percent / 1000 for percent in percents)
    return Phases(0.1, sending, reading, decoding, tuple(operations), encoding, writing)


@pytest.mark.parametrize(
    ("percents", "words"),
    [
        ((5, 71, 6, 6, 6, 6), f"reading takes 71 % of the time: {FILES}"),
        ((5, 41, 10, 10, 10, 24), f"reading takes 41 % of the time: {FILES}"),
        ((5, 5, 10, 10, 10, 60), f"writing takes 60 % of the time: {FILES}"),
        (
            (55, 5, 10, 10, 10, 10),
            "sending takes 55 % of the time: "
            "the network or the server is the limit, more nodes will not help",
        ),
        ((5, 5, 10, 62, 10, 8), f"edges takes 62 % of the time: {PROCESSORS}"),
        ((5, 5, 62, 10, 10, 8), f"decoding takes 62 % of the time: {PROCESSORS}"),
        ((5, 5, 10, 10, 62, 8), f"encoding takes 62 % of the time: {PROCESSORS}"),
        (
            (5, 5, 26, 30, 26, 8),
            f"work on pixels takes 82 % of the time, edges alone 30 %: {PROCESSORS}",
        ),
        # A worker goes on while a result is written: 45 % are hidden behind the 50 % of its other work.
        ((5, 5, 15, 15, 15, 45), f"work on pixels takes 45 % of the time, decoding alone 15 %: {PROCESSORS}"),
        (
            (20, 26, 8, 8, 8, 30),
            "no single limit: reading takes 26 % of the time, "
            "work on pixels 24 %, writing 30 %, sending 20 %",
        ),
    ],
    ids=[
        *("reading", "just reading", "writing", "sending", "an operation", "decoding", "encoding"),
        *("pixels", "writing beside work", "nothing"),
    ],
)
def test_the_limit_is_named_with_what_helps(percents: tuple[int, ...], words: str) -> None:
    assert sentence(node(phases=phases(*percents))) == words


def test_of_two_operations_the_slow_one_is_named() -> None:
    both = phases(5, 5, 10, 10, 52, 10, 8)
    assert sentence(node(phases=both), pipeline="resize: width=8 | sharpen").startswith("sharpen takes 52 %")


def test_percentages_are_those_of_the_table() -> None:
    timings = timings_of(job(node("a", 40, reading=0.3), node("b", 60, reading=0.4)))
    assert timings is not None
    found = re.match(r"reading takes (\d+) %", verdict(timings))
    assert found
    assert int(found[1]) == timings.percent("reading")


@pytest.mark.parametrize(
    ("images", "per_image", "is_told"),
    [(19, 1.0, False), (20, 1.0, True), (100, 0.001, False), (1000, 0.01, True)],
    ids=["19 images", "20 images", "a tenth of a second", "ten seconds"],
)
def test_of_little_work_nothing_is_said(images: int, per_image: float, *, is_told: bool) -> None:
    assert bool(sentence(node(images=images, phases=Phases(waiting=1.0, reading=per_image)))) is is_told


def test_waiting_for_a_worker_is_no_limit() -> None:
    assert sentence(node(waiting=0.4)) == sentence(node(waiting=0.0))


def test_waiting_much_longer_than_the_work_takes_is_no_queue() -> None:
    assert sentence(node(waiting=1.4)) == (
        "images wait 14 times as long as all else takes: "
        "the nodes simulate a delay (--delay-s), or work for another server, too"
    )


@pytest.mark.parametrize(
    ("phase", "look_at"),
    [
        ("reading", "its mount"),
        ("writing", "its mount"),
        ("sending", "its network"),
        ("decoding", "its processor, and what else runs on it"),
        ("encoding", "its processor, and what else runs on it"),
    ],
)
def test_a_node_that_is_much_slower_than_the_others_is_named(phase: str, look_at: str) -> None:
    slow_s = 4.1 * getattr(EVEN, phase)
    told = sentence(node("node_1"), node("node_2"), node("node_3", **{phase: slow_s}))
    assert told == f"node_3 needs 4.1 times as long for {phase} as the others: look at {look_at}"


def test_of_two_slow_phases_the_one_that_costs_more_is_named() -> None:
    told = sentence(node("node_1"), node("node_2", sending=0.1, encoding=0.2))
    assert told.startswith("node_2 needs 6.7 times as long for encoding")


@pytest.mark.parametrize(
    "nodes",
    [
        (node("node_1"), node("node_2", reading=0.029)),
        (node("node_1", 19), node("node_2", reading=0.2)),
        (node("node_1"), node("node_2", 19, reading=0.2)),
        (node("node_1", reading=0.0001), node("node_2", reading=0.01)),
        (node("node_1", reading=0.0), node("node_2", reading=0.1)),
        (node("node_1"), node("node_2", waiting=0.2)),
        (node("node_1", reading=0.2),),
    ],
    ids=[
        "a little",
        "one other",
        "few images",
        "too short to matter",
        "others tell none",
        "waiting",
        "alone",
    ],
)
def test_nodes_that_differ_for_no_reason_that_helps_are_not_named(nodes: tuple[NodeCounts, ...]) -> None:
    assert "as the others" not in sentence(*nodes)


def test_the_others_are_as_fast_as_their_median() -> None:
    slow = [node(f"node_{number}", reading=0.2) for number in (1, 2)]
    assert "as the others" not in sentence(*slow, node("node_3"))
    fast = [node(f"node_{number}") for number in range(4, 9)]
    assert sentence(slow[0], *fast).startswith("node_1 needs 20 times as long for reading")


def test_a_verdict_is_one_line() -> None:
    told = sentence(node(phases=dataclasses.replace(EVEN, reading=1.0)))
    assert told.isprintable()
