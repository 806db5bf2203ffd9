"""A node in a network namespace of its own whose cable is pulled and whose route is lost."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pixfarm.farm import NodeSpec
from tests.chaos.chaos_farm import Lodging
from tests.chaos.outcome import Outcome
from tests.chaos.stage import Stage

NAME = "network of a node lost"
LINE = "0 lost, 0 half, 0 wrong, 0 stray, every job ends"
_NODES = [NodeSpec(0.5, ("--workers", "1", "--delay-s", "0.1"))] * 3
_LOST_S = 3.0
_UNDER_LOAD_S = 0.7


@dataclass(frozen=True)
class _Cable:
    """Two virtual network cards, one of them in a namespace with the node."""

    namespace: str
    inside: str
    outside: str
    node_ip: str

    def pull(self) -> None:
        _ip("-n", self.namespace, "link", "set", self.inside, "down")

    def plug_in(self) -> None:
        _ip("-n", self.namespace, "link", "set", self.inside, "up")

    def lose_route(self) -> None:
        _ip("route", "add", "blackhole", f"{self.node_ip}/32")

    def find_route(self) -> None:
        _ip("route", "del", "blackhole", f"{self.node_ip}/32")


def run(folder: Path, images: int, times: int) -> Outcome:
    """One job for each loss of the network."""
    outcome = Outcome(NAME, LINE)
    if os.geteuid() != 0 or shutil.which("ip") is None:
        outcome.not_run.append("link down, blackhole route: network namespaces need root and iproute2")
        return outcome
    with _cable() as cable:
        lodging = Lodging(("ip", "netns", "exec", cable.namespace), cable.node_ip)
        with Stage(folder, _NODES, outcome, {"node_1": lodging}) as stage:
            for number in range(times):
                is_cable = number % 2 == 0
                lose, find = (cable.pull, cable.plug_in) if is_cable else (cable.lose_route, cable.find_route)
                job = stage.submit(stage.new_base(images))
                time.sleep(_UNDER_LOAD_S)  # the moment of the fault, which need not be exact
                lose()
                try:
                    time.sleep(_LOST_S)
                finally:
                    find()
                stage.finish(job)
                outcome.faults["link down" if is_cable else "blackhole route"] += 1
            stage.check_strays()
    return outcome


@contextmanager
def _cable() -> Iterator[_Cable]:
    number = os.getpid()
    subnet = f"10.213.{number % 256}"
    cable = _Cable(f"pixfarm-{number}", f"pf{number}i", f"pf{number}o", f"{subnet}.2")
    _ip("netns", "add", cable.namespace)
    try:
        _ip("link", "add", cable.outside, "type", "veth", "peer", "name", cable.inside)
        _ip("link", "set", cable.inside, "netns", cable.namespace)
        _ip("addr", "add", f"{subnet}.1/30", "dev", cable.outside)
        _ip("link", "set", cable.outside, "up")
        _ip("-n", cable.namespace, "addr", "add", f"{cable.node_ip}/30", "dev", cable.inside)
        _ip("-n", cable.namespace, "link", "set", cable.inside, "up")
        _ip("-n", cable.namespace, "link", "set", "lo", "up")
        yield cable
    finally:
        _ip("netns", "del", cable.namespace)  # and the cards with it


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
