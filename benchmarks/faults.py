"""What bad nodes cost: one of four that dies, one that is slow, one that fails every image at once."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clients import run_client
from benchmarks.measurement import NotMeasured, Outcome, Row, at_most, median_of, ratio_of
from benchmarks.plan import HOME, Plan
from benchmarks.stub_farm import Stub, StubFarm, stub_farm
from benchmarks.tiny_files import tiny_files
from pixfarm.errors import FailureCode

_WORKERS = 2
_IMAGE_S = 0.02
_SLOWNESS = 20
_GOOD = Stub(_WORKERS, _IMAGE_S)
_CODES = (FailureCode.INTERNAL, FailureCode.NO_SPACE, FailureCode.NOT_FOUND)
_LOOK_S = 0.02
_TRACE = "trace.jsonl"
_NOTES = (
    f"The real server.py and client.py; stubs of {_WORKERS} workers, {_IMAGE_S * 1000:g} ms an image.",
    "Ideal makespans: 1.17 when a quarter of the farm is missing for the second half, 1.31 when one node",
    f"of four is {_SLOWNESS} times slower. Re-dispatch: kill to next call, by the trace.",
)

Events = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Killed:
    job_s: float
    sent_again_s: tuple[float, ...]


def measure(plan: Plan) -> Outcome:
    """Four nodes, one of which is killed, 20 times slower, or fails every image at once."""
    images = plan.size(1600, quick=800)
    base = tiny_files(images, plan.work)
    healthy: list[float] = []
    killed: list[_Killed] = []
    slow: list[float] = []
    failing: dict[FailureCode, list[float]] = {code: [] for code in _CODES}
    for _ in range(plan.runs):
        healthy.append(_job_s([_GOOD] * 4, plan, base, images))
        killed.append(_with_a_kill(plan, base, images))
        slow.append(_job_s([*[_GOOD] * 3, Stub(_WORKERS, _SLOWNESS * _IMAGE_S)], plan, base, images))
        for code in _CODES:
            failing[code].append(_share(code, plan, base, images))
    again = [seconds for run in killed for seconds in run.sent_again_s]
    rows: list[Row] = [
        median_of("four good nodes", "s", healthy),
        ratio_of("one killed at 50 % / four good ones", [run.job_s for run in killed], healthy, at_most(1.4)),
        ratio_of(f"one {_SLOWNESS} times slower / four good ones", slow, healthy, at_most(1.5)),
        median_of("death to re-dispatch of an image", "s", again),
        median_of(
            "death to re-dispatch of the last one", "s", (max(k.sent_again_s) for k in killed), at_most(1)
        ),
    ]
    rows += [
        median_of(f"calls to a node that fails with {code}, after 1 s", "%", shares, at_most(1))
        for code, shares in failing.items()
    ]
    return Outcome(f"{images:,} images on four nodes, one of them bad", tuple(rows), _NOTES)


def _job_s(stubs: list[Stub], plan: Plan, base: Path, images: int) -> float:
    with _farm(stubs, plan) as farm:
        return run_client(farm.client_command(base), images).job_s


def _with_a_kill(plan: Plan, base: Path, images: int) -> _Killed:
    """Kills a node, as a power cut would, when half of the images are done."""
    with _farm([_GOOD] * 4, plan) as farm:
        killed_at: list[float] = []
        killer = threading.Thread(target=lambda: killed_at.append(_kill_at_half(farm, images)))
        killer.start()
        job_s = run_client(farm.client_command(base), images).job_s
        killer.join()
        return _Killed(job_s, _sent_again_s(_trace(farm), "node_1", killed_at[0]))


def _kill_at_half(farm: StubFarm, images: int) -> float:
    while sum(event["event"] == "ended" for event in _trace(farm)) < images / 2:
        time.sleep(_LOOK_S)
    killed_at = time.time()
    farm.stubs[0].kill()
    return killed_at


def _sent_again_s(events: Events, node: str, killed_at: float) -> tuple[float, ...]:
    """For each image that the killed node held, the seconds from its death to the image's next call."""
    calls: dict[str, list[dict[str, Any]]] = {}
    held = {}
    for event in events:
        if event["event"] == "sent":
            calls.setdefault(event["image"], []).append(event)
        if event["event"] == "answer" and event["node"] == node and event["outcome"] == "lost":
            held[event["image"]] = event["t"]
    after = [
        min(call["t"] for call in calls[image] if call["t"] >= lost_at) - killed_at
        for image, lost_at in held.items()
    ]
    if not after:
        raise NotMeasured(f"{node} held no image when it was killed")
    return tuple(after)


def _share(code: FailureCode, plan: Plan, base: Path, images: int) -> float:
    """Percent of the calls, from the second second of the job on, that went to the failing node."""
    with _farm([*[_GOOD] * 3, Stub(_WORKERS, 0.0, code)], plan) as farm:
        run_client(farm.client_command(base), images)
        sent = [event for event in _trace(farm) if event["event"] == "sent"]
    late = [event for event in sent if event["t"] - sent[0]["t"] > 1.0]
    if not late:
        raise NotMeasured("the job was over within a second")
    return 100.0 * float(sum(event["node"] == "node_4" for event in late)) / len(late)


@contextmanager
def _farm(stubs: list[Stub], plan: Plan) -> Iterator[StubFarm]:
    """A new farm each time: nothing that one run has learned of its nodes is left for the next."""
    server = [str(HOME / "server.py"), "--seed", str(plan.seed)]
    with stub_farm(stubs, server, trace=_TRACE) as farm:
        yield farm


def _trace(farm: StubFarm) -> Events:
    lines = (farm.folder / _TRACE).read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]
