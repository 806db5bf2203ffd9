import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import thriftpy2
from thriftpy2.protocol import TCyBinaryProtocolFactory
from thriftpy2.rpc import make_client
from thriftpy2.thrift import TApplicationException
from thriftpy2.transport import TCyFramedTransportFactory

from pixfarm.farm import HOME, LocalFarm, NodeSpec
from tests.integration.raw_peers import HOST
from tests.integration.small_images import save_image
from tests.integration.waiting import eventually

pytestmark = pytest.mark.xdist_group("thriftpy2")


@pytest.fixture(scope="module")
def idl() -> ModuleType:
    """The contract, read from the IDL file by another implementation of Thrift."""
    module: ModuleType = thriftpy2.load(
        str(HOME / "thrift" / "pixfarm.thrift"), module_name="pixfarm_contract_thrift"
    )
    return module


@pytest.fixture(scope="module")
def farm() -> Iterator[LocalFarm]:
    with LocalFarm([NodeSpec(), NodeSpec()]) as farm:
        yield farm


@pytest.fixture
def base_path(tmp_path: Path) -> Path:
    for name in ("a.png", "sub/b.jpg", "c.bmp"):
        save_image(tmp_path / "input_dir" / name)
    return tmp_path


@contextmanager
def client_of(service: Any, port: int) -> Iterator[Any]:
    client = make_client(
        service,
        HOST,
        port,
        proto_factory=TCyBinaryProtocolFactory(),  # type: ignore[no-untyped-call]  # thriftpy2 is untyped
        trans_factory=TCyFramedTransportFactory(),
        timeout=20_000,
    )
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def server(idl: ModuleType, farm: LocalFarm) -> Iterator[Any]:
    assert farm.server is not None
    with client_of(idl.ImageServer, farm.server.port) as client:
        yield client


@pytest.fixture
def node(idl: ModuleType, farm: LocalFarm) -> Iterator[Any]:
    with client_of(idl.ComputeNode, farm.nodes["node_1"].port) as client:
        yield client


@pytest.mark.parametrize("strategy", ["RANDOM", "LOAD_BALANCING"])
def test_a_job_without_options_is_done(idl: ModuleType, server: Any, base_path: Path, strategy: str) -> None:
    report = server.submit_request(str(base_path), getattr(idl.Strategy, strategy))
    assert (report.state, report.total, report.done) == (idl.JobState.FINISHED, 3, 3)
    assert report.strategy == getattr(idl.Strategy, strategy)
    assert report.base_path == str(base_path)
    assert report.failures == []
    assert {node.name for node in report.nodes} <= {"node_1", "node_2"}
    assert sum(node.done for node in report.nodes) == 3
    assert (base_path / "output_dir" / "sub" / "b.jpg").exists()


def test_a_job_with_its_own_id_can_be_asked_for(idl: ModuleType, server: Any, base_path: Path) -> None:
    options = idl.JobOptions(job_id="thriftpy2-1")
    report = server.submit_request(str(base_path), idl.Strategy.RANDOM, options)
    assert report.job_id == "thriftpy2-1"
    status = server.job_status("thriftpy2-1")
    assert (status.state, status.done, status.listing_complete) == (idl.JobState.FINISHED, 3, True)
    assert "thriftpy2-1" in [job.job_id for job in server.list_jobs()]
    server.cancel_job("thriftpy2-1")  # has ended: left as it is
    assert server.job_status("thriftpy2-1").state == idl.JobState.FINISHED


def test_progress_is_told_on_a_second_connection_while_the_first_waits(
    idl: ModuleType, farm: LocalFarm, server: Any, base_path: Path
) -> None:
    for number in range(40):
        save_image(base_path / "input_dir" / f"{number}.png", 300, 400)
    assert farm.server is not None
    reports = []

    def submit() -> None:
        options = idl.JobOptions(job_id="thriftpy2-2")
        reports.append(waiting.submit_request(str(base_path), idl.Strategy.LOAD_BALANCING, options))

    def is_known() -> bool:
        return "thriftpy2-2" in [job.job_id for job in server.list_jobs()]

    with client_of(idl.ImageServer, farm.server.port) as waiting:
        thread = threading.Thread(target=submit)
        thread.start()
        assert eventually(is_known)
        assert eventually(lambda: server.job_status("thriftpy2-2").done > 0)
        thread.join(20)
    assert [report.done for report in reports] == [43]


def test_the_nodes_are_listed(idl: ModuleType, server: Any, farm: LocalFarm) -> None:
    nodes = server.list_nodes()
    assert [(node.name, node.port) for node in nodes] == [
        (name, part.port) for name, part in farm.nodes.items()
    ]
    assert all(node.health == idl.NodeHealth.UP for node in nodes)
    assert all((node.workers, node.load_probability) == (1, 0.0) for node in nodes)


def test_a_node_does_an_image(idl: ModuleType, node: Any, base_path: Path) -> None:
    options = idl.TaskOptions(attempt_id="thriftpy2-3", timeout_s=10.0)
    for result in (
        node.execute(str(base_path), "a.png", options),
        node.delayed_execute(str(base_path), "a.png", options),
    ):
        assert (result.attempt_id, result.width_px, result.height_px) == ("thriftpy2-3", 40, 24)
    assert len(node.execute(str(base_path), "sub/b.jpg").attempt_id) == 32
    assert node.status().name == "node_1"


def test_exceptions_of_the_contract_are_raised_and_the_connection_goes_on(
    idl: ModuleType, server: Any, node: Any, base_path: Path
) -> None:
    with pytest.raises(idl.InvalidRequest) as invalid:
        server.submit_request("/pixfarm-tests/nowhere", idl.Strategy.RANDOM)
    assert "does not exist" in invalid.value.message
    with pytest.raises(idl.InvalidRequest, match="strategy 7 is unknown"):
        server.submit_request(str(base_path), 7)
    with pytest.raises(idl.InvalidRequest, match="job_id must be"):
        server.submit_request(str(base_path), 0, idl.JobOptions(job_id="no spaces, please"))
    with pytest.raises(idl.UnknownJob) as unknown:
        server.job_status("nobody")
    assert unknown.value.job_id == "nobody"
    with pytest.raises(idl.TaskFailed) as failed:
        node.execute(str(base_path), "missing.png", idl.TaskOptions(attempt_id="x"))
    assert (failed.value.code, failed.value.attempt_id) == ("NOT_FOUND", "x")
    assert server.list_jobs() is not None
    assert node.status().failed >= 1


def test_a_call_to_the_wrong_tier_is_an_application_exception(
    idl: ModuleType, farm: LocalFarm, base_path: Path
) -> None:
    with client_of(idl.ImageServer, farm.nodes["node_1"].port) as client:
        with pytest.raises(TApplicationException, match="Unknown function list_jobs"):
            client.list_jobs()
        with pytest.raises(TApplicationException, match="Unknown function submit_request"):
            client.submit_request(str(base_path), idl.Strategy.RANDOM)
