"""A farm that can be harmed: a fault proxy before each node, and anything can be killed or frozen."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pixfarm.errors import NotReady, PixfarmError
from pixfarm.farm import LocalFarm, NodeSpec, Part
from pixfarm.model import Machine
from pixfarm.wire import NodeCaller
from tests.acceptance.processes import free_ports
from tests.chaos.fault_plan import Kind
from tests.chaos.fault_proxy import HOST, FaultProxy, Link
from tests.integration.processes import descendants

SERVER = "server"
_START_TRIES = 3
_LOOK_EVERY_S = 0.02
# What was started again must be at work before the next fault, or that one hits nothing.
_NODE_SETTLES_S = 1.0
_SERVER_SETTLES_S = 2.0
_LAUNCHER = Path(__file__).with_name("launch_under.py")


@dataclass(frozen=True)
class Lodging:
    """Where a node or the server lives.

    Args:
        under: the command that starts it, as in ``prlimit --nofile=64``.
        host: its address, when it is not reached over a link on this one.
    """

    under: Sequence[str] = ("env",)
    host: str = HOST


class ChaosFarm(LocalFarm):
    """A local farm behind fault proxies; a context manager.

    Args:
        nodes: what to start.
        trace_path: where the server writes its trace.
        proxy: carries the links.
        lodgings: where a node or the server lives that does not live as the others do, by name.
    """

    def __init__(
        self,
        nodes: Sequence[NodeSpec],
        trace_path: Path,
        proxy: FaultProxy,
        lodgings: Mapping[str, Lodging] | None = None,
    ) -> None:
        super().__init__(nodes, ("--trace", str(trace_path)))
        self._lodgings = lodgings or {}
        self.links: dict[str, Link] = {}
        self.server_killed_at: list[float] = []
        self.worker_deaths = 0
        self._proxy = proxy
        self._locks = {name: threading.Lock() for name in (SERVER, *self._specs)}
        self._rolling = threading.Lock()

    def start_node(self, name: str, port: int = 0) -> Part:
        """As LocalFarm's, on a port that no outgoing connection can take while the node is down."""
        return super().start_node(name, port or free_ports(1)[0])

    def start_server(self, port: int = 0) -> Part:
        """As LocalFarm's, on a port that no outgoing connection can take while the server is down."""
        return super().start_server(port or free_ports(1)[0])

    def kill_node(self, name: str, down_s: float) -> None:
        """Ends a node as a power cut would, and starts it again some seconds later."""
        with self._locks[name]:
            self.nodes[name].kill()
            self._start_again(name, down_s)
            self._wait_for_work(name)

    def restart_node(self, name: str) -> None:
        """Lets a node finish what it has, and starts it again; one node after the other."""
        with self._rolling, self._locks[name]:
            self.nodes[name].stop()
            self._start_again(name, 0.0)
            self._wait_for_work(name)

    def freeze_node(self, name: str, seconds: float) -> None:
        """Stops a node's own process for a while; its workers go on."""
        with self._locks[name], _frozen(self.nodes[name].process.pid):
            time.sleep(seconds)

    def freeze_worker(self, name: str, number: int, seconds: float) -> bool:
        """Stops one of a node's workers for a while; False when it had none."""
        with self._locks[name]:
            workers = self.workers(name)
            if not workers:
                return False
            with _frozen(workers[number % len(workers)]):
                time.sleep(seconds)
            return True

    def kill_worker(self, name: str, number: int) -> bool:
        """Ends one of a node's workers; False when it had none."""
        with self._locks[name]:
            workers = self.workers(name)
            if not workers:
                return False
            with contextlib.suppress(ProcessLookupError):
                os.kill(workers[number % len(workers)], signal.SIGKILL)
            self.worker_deaths += 1
            return True

    def kill_server(self) -> None:
        """Ends the server as a power cut would, and starts it again on its port."""
        with self._locks[SERVER]:
            assert self.server
            port = self.server.port
            self.server_killed_at.append(time.time())
            self.server.kill()
            self.start_server(port).wait_until_ready()
            time.sleep(_SERVER_SETTLES_S)

    def revive_server(self) -> bool:
        """Starts the server again when it has died; whether it had."""
        with self._locks[SERVER]:
            assert self.server
            if self.server.process.poll() is None:
                return False
            self.server_killed_at.append(time.time())
            port = self.server.port
            self.server.stop()
            self.start_server(port).wait_until_ready()
            return True

    def freeze_server(self, seconds: float) -> None:
        """Stops the server for a while."""
        with self._locks[SERVER]:
            assert self.server
            with _frozen(self.server.process.pid):
                time.sleep(seconds)

    def harm_link(self, name: str, kind: Kind, seconds: float, number: int) -> None:
        """Does what a fault of the plan says to the way between the server and a node."""
        with self._locks[name]:
            self.links[name].harm(kind, seconds, number)

    def workers(self, name: str) -> list[int]:
        """Process ids of a node's image workers: they are children of its fork server."""
        node = self.nodes[name].process.pid
        children = {pid for pid in descendants(node) if _parent(pid) == node}
        return sorted(descendants(node) - children)

    def _start_again(self, name: str, down_s: float) -> None:
        port = self.nodes[name].port
        link = self.links[name]
        with link.down():
            time.sleep(down_s)
            for tries_left in reversed(range(_START_TRIES)):
                node = self.start_node(name, port)
                try:
                    node.wait_until_ready()
                except NotReady:
                    if not tries_left:
                        raise
                    node.stop()
                else:
                    return

    def _wait_for_work(self, name: str) -> None:
        """Returns when a node has done an image, or had the time to: between two jobs there is none to do."""
        machine = Machine(name, HOST, self.nodes[name].port)
        deadline = time.monotonic() + _NODE_SETTLES_S
        with closing(NodeCaller()) as caller:
            while time.monotonic() < deadline and not _has_worked(caller, machine):
                time.sleep(_LOOK_EVERY_S)

    def _part(self, name: str, script: str, arguments: Sequence[str]) -> Part:
        lodging = self._lodgings.get(name)
        if lodging is None:
            return super()._part(name, script, arguments)
        return super()._part(name, str(_LAUNCHER), [*lodging.under, "--script", script, *arguments])

    def _write_machines(self, ports: dict[str, int]) -> None:
        """As LocalFarm's, with the ports of the links; a node that lives elsewhere has none."""
        hosts = {name: lodging.host for name, lodging in self._lodgings.items() if lodging.host != HOST}
        for name, node in self.nodes.items():
            if node.port and name not in self.links and name not in hosts:
                self.links[name] = self._proxy.link(free_ports(1)[0], node.port)
        super()._write_machines(ports | {name: link.port for name, link in self.links.items()})
        lines = [line.split() for line in self.machines_path.read_text().splitlines()]
        self.machines_path.write_text(
            "".join(f"{name} {hosts.get(name, host)} {port}\n" for name, host, port in lines)
        )


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _has_worked(caller: NodeCaller, machine: Machine) -> bool:
    with contextlib.suppress(PixfarmError):  # too busy to answer in time
        return caller.ping(machine).done > 0
    return False


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return 0
