import dataclasses
import pickle

import pytest

from pixfarm.model import EXTENSIONS, Machine, NodeStatus, Strategy, Task


@pytest.mark.parametrize(
    ("machine", "shown"),
    [
        (Machine("node_1", "pc-7", 9091), "node_1 (pc-7:9091)"),
        (Machine("server", "::1", 9090), "server ([::1]:9090)"),
    ],
    ids=["name", "IPv6 address"],
)
def test_a_machine_is_shown_with_its_address(machine: Machine, shown: str) -> None:
    assert str(machine) == shown


def test_values_cannot_be_changed() -> None:
    task = Task("/base", "a.jpg", "job-1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.filename = "b.jpg"  # type: ignore[misc]


def test_values_survive_the_way_between_processes() -> None:
    status = NodeStatus(name="node_1", host="pc-7", port=9091)
    assert pickle.loads(pickle.dumps(status)) == status


def test_a_caller_waits_longer_than_a_worker_may_work() -> None:
    task = Task("/base", "a.jpg", "job-1")
    assert task.patience_s > task.timeout_s


def test_strategies_are_called_as_on_the_command_line() -> None:
    assert [str(strategy) for strategy in Strategy] == ["random", "load-balancing"]


def test_extensions_are_lower_case_without_a_dot() -> None:
    assert all(extension.isalnum() and extension == extension.lower() for extension in EXTENSIONS)
