"""The verdict on where a job's time went: one sentence that says what would make it faster.

A worker reads, decodes, draws and encodes one image while the one before is written and the next one is on
its way. So of these three stages, work, writing and sending, the longest is the limit. Waiting for a worker
is none: it means that the nodes are full.
"""

import statistics
from typing import Final

from pixfarm.timings import DECODING, ENCODING, READING, SENDING, WAITING, WRITING, NodeTimes, Timings

FEWEST_IMAGES: Final = 20
LEAST_S: Final = 1.0
SLOW_FACTOR: Final = 3.0  # times the median of the other nodes
MATTERS: Final = 0.25  # of a node's own time: what is slow there and less than that is not worth a word
CLEAR_PERCENT: Final = 40
WAITS_LONG_FACTOR: Final = 5.0  # a node takes two images per worker: of itself that makes about 1

_WORK: Final = "work"
_PIXELS: Final = "work on pixels"
_LOOK_AT: Final = {READING: "its mount", WRITING: "its mount", SENDING: "its network"}
_LOOK_AT_ELSE: Final = "its processor, and what else runs on it"


def verdict(timings: Timings) -> str:
    """One sentence; empty when there is too little to judge by."""
    everything = timings.all
    if everything.images < FEWEST_IMAGES or everything.at_work_s < LEAST_S:
        return ""
    return _long_wait(everything) or _slow_node(timings) or _limit(timings)


def _long_wait(everything: NodeTimes) -> str:
    factor = everything.seconds[WAITING] / everything.at_work_s
    if factor <= WAITS_LONG_FACTOR:
        return ""
    why = "the nodes simulate a delay (--delay-s), or work for another server, too"
    return f"images wait {_times(factor)} as long as all else takes: {why}"


def _slow_node(timings: Timings) -> str:
    nodes = [node for node in timings.nodes if node.images >= FEWEST_IMAGES]
    slow = [
        (excess_s, factor, node.name, phase)
        for node in nodes
        for phase in timings.phases
        for excess_s, factor in [_excess(node, [other for other in nodes if other is not node], phase)]
        if factor > SLOW_FACTOR
    ]
    if not slow:
        return ""
    _, factor, name, phase = max(slow)
    look_at = _LOOK_AT.get(phase, _LOOK_AT_ELSE)
    return f"{name} needs {_times(factor)} as long for {phase} as the others: look at {look_at}"


def _excess(node: NodeTimes, others: list[NodeTimes], phase: str) -> tuple[float, float]:
    """How many seconds more than the others it takes for an image, and how many times as long."""
    if not others or phase == WAITING or node.seconds[phase] < MATTERS * node.at_work_s:
        return 0.0, 0.0
    usual_s, own_s = statistics.median(other.per_image_s(phase) for other in others), node.per_image_s(phase)
    return (own_s - usual_s, own_s / usual_s) if usual_s > 0 else (0.0, 0.0)


def _limit(timings: Timings) -> str:
    percent, pixels = timings.percent, (DECODING, *timings.operations, ENCODING)
    stages = {SENDING: (SENDING,), WRITING: (WRITING,), _WORK: (READING, *pixels)}
    stage = max(stages, key=lambda name: percent(*stages[name]))
    if stage == _WORK:
        stage = READING if percent(READING) > percent(*pixels) else _PIXELS
    if percent(*(pixels if stage == _PIXELS else [stage])) <= CLEAR_PERCENT:
        return (
            f"no single limit: reading takes {percent(READING)} % of the time, "
            f"{_PIXELS} {percent(*pixels)} %, writing {percent(WRITING)} %, sending {percent(SENDING)} %"
        )
    if stage == _PIXELS:
        return _processors(timings, pixels)
    what = "the network or the server" if stage == SENDING else "the file server or disk"
    return f"{stage} takes {percent(stage)} % of the time: {what} is the limit, more nodes will not help"


def _processors(timings: Timings, pixels: tuple[str, ...]) -> str:
    percent = timings.percent
    largest = max(pixels, key=percent)
    so = "the processors are the limit, more nodes help"
    if percent(largest) > CLEAR_PERCENT:
        return f"{largest} takes {percent(largest)} % of the time: {so}"
    return f"{_PIXELS} takes {percent(*pixels)} % of the time, {largest} alone {percent(largest)} %: {so}"


def _times(factor: float) -> str:
    return f"{factor:.1f} times" if factor < 9.95 else f"{factor:.0f} times"
