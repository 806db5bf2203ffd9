import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.processes import TOKEN, Terminals, wait_until, with_token

MakeFarm = Callable[..., LocalFarm]


@pytest.fixture(scope="session")
def farm() -> Iterator[LocalFarm]:
    """Four nodes that take everything, and a server; for tests that leave them as they are."""
    with LocalFarm([NodeSpec()] * 4) as farm:
        yield farm


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Marks every process that the test starts; none of them may be there when it has ended."""
    token = uuid.uuid4().hex
    monkeypatch.setenv(TOKEN, token)
    yield token
    wait_until(lambda: not with_token(token), "the end of all processes of this test", 10.0)


@pytest.fixture
def terminals(tmp_path: Path, token: str) -> Iterator[Terminals]:
    """Where scripts are started."""
    terminals = Terminals(tmp_path)
    yield terminals
    terminals.end()


@pytest.fixture
def make_farm(token: str) -> Iterator[MakeFarm]:
    """Starts farms of one's own: make_farm(specs, server_arguments)."""
    with ExitStack() as farms:

        def make(nodes: Sequence[NodeSpec], server_arguments: Sequence[str] = ()) -> LocalFarm:
            return farms.enter_context(LocalFarm(nodes, server_arguments))

        yield make
