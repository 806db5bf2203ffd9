"""Listening sockets: which address of this machine a tier takes."""

import errno
import socket
from collections.abc import Sequence
from typing import Any

from pixfarm.errors import NotReady
from pixfarm.model import Machine

_BACKLOG = 512


def bind(machine: Machine, port: int | None = None) -> socket.socket:
    """A bound, not yet listening socket on a machine's address, IPv4 where the name has both.

    Args:
        machine: whose host and port to take.
        port: instead of the machine's port; 0 for any free one.

    Raises:
        NotReady: the address cannot be taken; the message says why and what to do.
    """
    port = machine.port if port is None else port
    try:
        family, address = _resolve(machine.host, port)
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise NotReady(f"{machine.name}: {machine.host} cannot be resolved: {error.strerror}") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise NotReady(f"{machine.name}: {_bind_problem(machine, port, error)}") from error
    return sock


def claim(nodes: Sequence[Machine], filename: str) -> tuple[Machine, socket.socket]:
    """The first node whose address is this host's and free, with its socket.

    Args:
        nodes: from which to choose.
        filename: the machines file that names them, for the message.

    Raises:
        NotReady: there is none; the message says why not.
    """
    problems: list[tuple[Machine, NotReady]] = []
    for node in nodes:
        try:
            return node, bind(node)
        except NotReady as error:
            problems.append((node, error))
    here = [(node, error) for node, error in problems if _errno(error) != errno.EADDRNOTAVAIL]
    if here and all(_errno(error) == errno.EADDRINUSE for _, error in here):
        raise NotReady(_all_taken([node for node, _ in here], filename))
    words = "; ".join(str(error) for _, error in problems)
    raise NotReady(f"no node of {filename} can be started here: {words}")


def connect(machine: Machine, timeout_s: float) -> socket.socket:
    """A connected socket to a machine.

    Raises:
        OSError: it cannot be reached in time.
    """
    family, address = _resolve(machine.host, machine.port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _resolve(host: str, port: int) -> tuple[int, tuple[Any, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # of a name with an empty or overlong part
        raise OSError(errno.EINVAL, f"{host!r} is no host name") from error
    # Both sides resolve a name in this one way, so that they meet at the same of its addresses.
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, address


def _errno(error: NotReady) -> int | None:
    return error.__cause__.errno if isinstance(error.__cause__, OSError) else None


def _all_taken(nodes: Sequence[Machine], filename: str) -> str:
    ports = ", ".join(str(node.port) for node in nodes)
    if len(nodes) == 1:
        return (
            f"{nodes[0].name}, the only node of {filename} that is an address of this machine, already runs "
            f"here, or its port is taken: {ports}; add a node, or stop what runs there"
        )
    return (
        f"all {len(nodes)} nodes of {filename} that are addresses of this machine already run here, or their "
        f"ports are taken: {ports}; add a node, or stop what runs there"
    )


def _bind_problem(machine: Machine, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        what = f"port {port} on {machine.host} is in use"
        return f"{what}; stop what runs there, or change the port in machine.txt"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{machine.host} is not an address of this machine"
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges; choose one above 1023"
    return f"{machine.host} port {port}: {error.strerror}"
