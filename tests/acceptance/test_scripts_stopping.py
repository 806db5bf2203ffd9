"""Nodes and servers that are asked to stop, and servers that are lost."""

import signal
import sys
from pathlib import Path

import pytest

from pixfarm.farm import NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images, results
from tests.acceptance.processes import Terminals, wait_until, write_machines

# With the random strategy each image takes 0.2 s, and a node holds two.
SLOW = NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.2"))
RANDOM = ("--strategy", "random")


@pytest.mark.parametrize(
    ("strategy", "p"), [("load-balancing", 0.5), ("random", 1.0)], ids=["balanced", "random"]
)
def test_a_node_that_is_asked_to_stop_finishes_what_it_has(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path, strategy: str, p: float
) -> None:
    farm = make_farm([NodeSpec(p, SLOW.arguments)] * 3)
    base = many_images(tmp_path / "base", 30)
    client = terminals.client(farm, base, "--json", "--strategy", strategy)
    wait_until(lambda: len(results(base)) >= 5, "5 results")
    node = farm.nodes["node_1"]
    assert client.process.poll() is None
    assert node.stop() == 0
    assert node.lines[1:] == [
        "node_1 drains: finishing what runs (Ctrl-C again to leave at once)",
        "node_1 stopped",
    ]
    ended = client.ended()
    assert ended.code == 0, ended
    assert (ended.report["done"], ended.report["failed"]) == (30, 0)
    assert len(results(base)) == 30


def test_a_second_interrupt_ends_a_node_at_once(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec(1.0, ("--workers", "1", "--delay-s", "20")), NodeSpec(0.0)])
    base = many_images(tmp_path / "base", 12)
    client = terminals.client(farm, base, "--json", *RANDOM)
    wait_until(lambda: len(results(base)) >= 5, "5 results")
    node = farm.nodes["node_1"]
    node.process.send_signal(signal.SIGINT)
    wait_until(lambda: "drains" in node.lines[-1], "the word that it drains")
    node.process.send_signal(signal.SIGINT)
    assert node.process.wait(5) == 130
    assert client.ended().report["ok"]


ANOTHER_THREAD_GETS_THE_SIGNAL = """
import signal, threading
from pixfarm import script

stop = script.stop_event(at_eof=False)
get_it = lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
threading.Timer(0.2, get_it).start()
script.wait_for(stop)
"""


def test_a_signal_that_the_kernel_hands_to_another_thread_stops_a_tier_too(terminals: Terminals) -> None:
    # As happens when a thread is just starting: one of 20 servers in mid-job did not hear its SIGTERM.
    running = terminals.start([sys.executable, "-c", ANOTHER_THREAD_GETS_THE_SIGNAL])
    assert running.ended(10).code == 0


@pytest.mark.parametrize(
    "arguments", [(), ("--attach", "0123456789ab"), ("--list-nodes",)], ids=["submit", "attach", "list nodes"]
)
def test_a_server_that_does_not_run_is_told_in_one_line(
    terminals: Terminals, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    machines = write_machines(tmp_path / "machine.txt", nodes=1)
    client = terminals.script("client.py", *arguments, "--machines", machines).ended(10)
    client.has_one_line(
        3, "client.py: server (localhost:", "cannot be reached", "start python3 server.py there"
    )
