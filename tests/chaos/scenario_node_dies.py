"""One of four nodes dies under load: how soon it is noticed, and what it costs."""

import re
import time
from datetime import datetime
from pathlib import Path

from pixfarm.farm import NodeSpec
from tests.acceptance.processes import wait_until
from tests.chaos.checker import files
from tests.chaos.outcome import Outcome
from tests.chaos.stage import Stage

NAME = "one of four nodes dies"
LINE = "noticed within 1 s; makespan <= 1.4 of the undisturbed one"
# Nodes that mostly sleep, so that the cores of this machine do not decide.
_NODES = [NodeSpec(1.0, ("--workers", "2", "--delay-s", "0.2"))] * 4
_NOTICED_S = 1.0
_MAKESPAN = 1.4
_KILL_AT = 0.3
_LOST = re.compile(r"^(\S+ \S+) WARNING .*node lost: node_2 ", re.MULTILINE)


def run(folder: Path, images: int) -> Outcome:
    """A job without and one with the loss of a node, which is not started again."""
    outcome = Outcome(NAME, LINE)
    with Stage(folder, _NODES, outcome) as stage:
        undisturbed_s = _makespan_s(stage, images)
        base = stage.new_base(images)
        job = stage.submit(base, "--strategy", "random")
        wait_until(lambda: len(files(base.output_dir)) >= _KILL_AT * images, "a part of the results")
        killed_at = time.time()
        with stage.farm.links["node_2"].down():
            stage.farm.nodes["node_2"].kill()
            disturbed_s = stage.finish(job).report["elapsed_s"]
        stage.check_strays()
        outcome.faults["kill -9 node"] += 1
        assert stage.farm.server
        noticed_s = _noticed_at(stage.farm.server.log()) - killed_at
    ratio = disturbed_s / undisturbed_s
    outcome.notes.append(f"noticed after {noticed_s:.3f} s, makespan {ratio:.2f} of {undisturbed_s:.1f} s")
    if noticed_s > _NOTICED_S:
        outcome.broken.append(f"noticed only after {noticed_s:.2f} s")
    if ratio > _MAKESPAN:
        outcome.broken.append(f"the makespan was {ratio:.2f} times the undisturbed one")
    return outcome


def _makespan_s(stage: Stage, images: int) -> float:
    job = stage.submit(stage.new_base(images), "--strategy", "random")
    elapsed_s: float = stage.finish(job).report["elapsed_s"]
    return elapsed_s


def _noticed_at(log: str) -> float:
    match = _LOST.search(log)
    assert match, "the server's log does not tell of the loss"
    return datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S,%f").timestamp()  # noqa: DTZ007 - the log is local
