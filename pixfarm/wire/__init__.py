"""The wire: the only part of pixfarm that knows Apache Thrift, the generated code and sockets."""

from pixfarm.wire.binding import bind, claim
from pixfarm.wire.callers import NodeCaller, ServerCaller
from pixfarm.wire.listener import Listener, hang_up, is_caller_gone
from pixfarm.wire.services import node_listener, server_listener

__all__ = [
    "Listener",
    "NodeCaller",
    "ServerCaller",
    "bind",
    "claim",
    "hang_up",
    "is_caller_gone",
    "node_listener",
    "server_listener",
]
