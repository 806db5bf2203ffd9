from pathlib import Path

import pytest

from pixfarm.machine_load import MachineReader
from pixfarm.machine_load.memory import available_share
from pixfarm.machine_load.processes import ProcessTree
from tests.unit.core.fake_proc import GIB_KB, NODE, TICKS_PER_S, FakeProc

S = TICKS_PER_S
NS = 1_000_000_000
GIB = GIB_KB * 1024


@pytest.fixture
def machine(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


@pytest.fixture
def tree(machine: FakeProc) -> ProcessTree:
    """The node's processes, looked at once."""
    tree = ProcessTree(NODE, str(machine.proc))
    tree.update()
    return tree


def used_s(tree: ProcessTree) -> float:
    tree.update()
    return tree.used_s


def waited_s(tree: ProcessTree) -> float:
    tree.update()
    return tree.waited_s


def test_the_tree_is_the_node_and_all_that_descend_from_it(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(NODE, parent=1, used=(1 * S, 0, 0, 0))
    machine.process(101, parent=NODE, used=(0, 2 * S, 0, 0), name="fork server")
    machine.process(90, parent=101, used=(4 * S, 0, 0, 0))
    machine.process(200, parent=90, used=(8 * S, 0, 0, 0))
    machine.process(201, parent=1, used=(16 * S, 0, 0, 0))
    assert used_s(tree) == 15


def test_a_child_that_comes_later_is_found(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(150, parent=NODE, used=(1 * S, 0, 0, 0))
    assert used_s(tree) == 1
    machine.process(151, parent=150, used=(2 * S, 0, 0, 0))
    assert used_s(tree) == 3


@pytest.mark.parametrize("name", ["a (b) c", ") S 1 2", "x\ny", "1 2 3 4"], ids=ascii)
def test_a_process_may_have_any_name(machine: FakeProc, tree: ProcessTree, name: str) -> None:
    machine.process(150, parent=NODE, used=(1 * S, 0, 0, 0), name=name)
    assert used_s(tree) == 1


def test_what_an_ended_child_used_is_not_forgotten(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(150, parent=NODE, used=(3 * S, 1 * S, 0, 0))
    assert used_s(tree) == 4
    machine.end(150)
    machine.process(NODE, parent=1, used=(0, 0, 3 * S, 1 * S))
    assert used_s(tree) == 4


def test_children_that_came_and_went_unseen_count_by_their_parent(
    machine: FakeProc, tree: ProcessTree
) -> None:
    machine.process(NODE, parent=1, used=(0, 0, 5 * S, 1 * S))
    assert used_s(tree) == 6


def test_workers_whose_fork_server_died_are_still_the_nodes(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(101, parent=NODE, name="fork server")
    machine.process(102, parent=101, used=(1 * S, 0, 0, 0))
    assert used_s(tree) == 1
    machine.end(101)
    machine.process(102, parent=1, used=(3 * S, 0, 0, 0))
    assert used_s(tree) == 3


def test_a_child_that_ends_without_a_trace_takes_nothing_back(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(150, parent=NODE, used=(9 * S, 0, 0, 0))
    assert used_s(tree) == 9
    machine.end(150)
    assert used_s(tree) == 9
    machine.process(NODE, parent=1, used=(2 * S, 0, 0, 0))
    assert used_s(tree) == 11


def test_all_threads_of_the_tree_wait(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(NODE, parent=1, waited_ns={NODE: 1 * NS, 105: 2 * NS})
    machine.process(150, parent=NODE, waited_ns={150: 4 * NS})
    machine.process(201, parent=1, waited_ns={201: 8 * NS})
    assert waited_s(tree) == 7


def test_what_an_ended_thread_waited_is_not_forgotten(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(NODE, parent=1, waited_ns={NODE: 0, 105: 2 * NS})
    assert waited_s(tree) == 2
    machine.process(NODE, parent=1, waited_ns={NODE: 1 * NS})
    assert waited_s(tree) == 3


def test_time_before_the_first_look_counts_only_once(machine: FakeProc) -> None:
    machine.process(NODE, parent=1, used=(7 * S, 0, 0, 0))
    tree = ProcessTree(NODE, str(machine.proc))
    assert [used_s(tree), used_s(tree)] == [7, 7]


def test_a_process_that_ends_while_it_is_read_is_passed_over(machine: FakeProc, tree: ProcessTree) -> None:
    machine.process(150, parent=NODE, used=(1 * S, 0, 0, 0))
    assert used_s(tree) == 1
    (machine.proc / "150" / "stat").unlink()
    machine.process(201, parent=1)
    (machine.proc / "201" / "stat").unlink()
    assert used_s(tree) == 1


@pytest.mark.parametrize(
    ("row", "busy", "idle"),
    [
        ([1 * S, 2 * S, 4 * S, 0, 0, 0, 0, 0, 0, 0], 7, 0),
        ([0, 0, 0, 8 * S, 16 * S, 0, 0, 0, 0, 0], 0, 24),
        ([0, 0, 0, 0, 0, 1 * S, 2 * S, 4 * S, 0, 0], 0, 0),
        ([8 * S, 0, 0, 0, 0, 0, 0, 0, 8 * S, 0], 8, 0),
    ],
    ids=["tasks", "idle and waiting for disks", "interrupts and steal", "virtual machines are in user"],
)
def test_times_of_a_core_are_told_apart(
    machine: FakeProc, row: list[float], busy: float, idle: float
) -> None:
    machine.cores[0] = row
    machine.write()
    reading = MachineReader(NODE, str(machine.proc), cores=lambda: {0, 1}).read()
    assert (reading.busy_s, reading.idle_s, reading.cores) == (busy, idle, 2)


def test_only_cores_that_the_node_may_use_are_the_nodes(tmp_path: Path) -> None:
    machine = FakeProc(tmp_path, cores=12)
    for number, ticks in enumerate(machine.cores):
        ticks[0] = 2**number * S
    machine.write()
    reading = MachineReader(NODE, str(machine.proc), cores=lambda: {1, 11}).read()
    assert (reading.cores, reading.busy_s, reading.busy_everywhere_s) == (2, 2 + 2048, 4095)


def test_runnable_tasks_are_the_mean_of_the_glances_without_the_one_that_glances(machine: FakeProc) -> None:
    now_s = [10.0]
    reader = MachineReader(NODE, str(machine.proc), cores=lambda: {0, 1}, clock=lambda: now_s[0])
    reader.read()
    for runnable in (1, 3, 8):
        machine.runnable = runnable
        machine.write()
        reader.glance()
    now_s[0] = 12.0
    assert reader.read().runnable_s == 2.0 * 3
    now_s[0] = 13.0
    assert reader.read().runnable_s == 2.0 * 3  # nothing was counted since


def test_a_kernel_that_does_not_tell_of_waiting_is_noticed(machine: FakeProc) -> None:
    (machine.proc / "self" / "schedstat").write_text("0 0 0\n")
    with pytest.raises(OSError, match="schedstat"):
        MachineReader(NODE, str(machine.proc)).check()


GROUP_V2 = {
    "memory.max": f"{4 * GIB}\n",
    "memory.current": f"{3 * GIB}\n",
    "memory.stat": f"anon 1\ninactive_file {1 * GIB}\nactive_file {1 * GIB}\nslab 5\n",
}
GROUP_V1 = {
    "memory.limit_in_bytes": f"{4 * GIB}\n",
    "memory.usage_in_bytes": f"{2 * GIB}\n",
    "memory.stat": f"cache 1\ninactive_file 7\ntotal_inactive_file {GIB}\ntotal_active_file 0\n",
}


@pytest.mark.parametrize(
    ("line", "group", "files", "share"),
    [
        ("0::/user/app", "user/app", GROUP_V2, 0.75),
        ("0::/user/app/part", "user/app", GROUP_V2, 0.75),
        ("0::/docker/of-outside", "", GROUP_V2, 0.75),
        ("0::/../sibling", "", GROUP_V2, 0.75),
        ("0::/user", "user", GROUP_V2 | {"memory.max": "max\n"}, 0.8),
        (
            "0::/user",
            "user",
            GROUP_V2 | {"memory.max": f"{17 * GIB}\n", "memory.current": f"{16 * GIB}\n"},
            0.8,
        ),
        ("0::/user", "user", GROUP_V2 | {"memory.current": f"{9 * GIB}\n"}, 0.0),
        ("0::/user", "other", GROUP_V2, 0.8),
        ("4:memory:/user/app", "memory/user/app", GROUP_V1, 0.75),
        ("4:cpu,memory:/user/app", "memory/user", GROUP_V1, 0.75),
        ("4:memory:/", "memory", GROUP_V1 | {"memory.limit_in_bytes": "9223372036854771712\n"}, 0.8),
        ("4:cpu:/user", "memory/user", GROUP_V1, 0.8),
        ("", "", {}, 0.8),
    ],
    ids=[
        "limit",
        "limit of a group above",
        "in a container",
        "in a container, beside its root",
        "no limit",
        "more than the machine has",
        "over its limit",
        "another group's limit",
        "version 1",
        "version 1, a group above",
        "version 1 without limit",
        "version 1, not of memory",
        "no groups",
    ],
)
def test_memory_is_the_machines_or_that_of_a_smaller_group(
    machine: FakeProc, line: str, group: str, files: dict[str, str], share: float
) -> None:
    machine.memory_kb = (10 * GIB_KB, 8 * GIB_KB)
    machine.groups = [line] if line else []
    machine.write()
    machine.group(group, files)
    assert available_share(str(machine.proc), str(machine.cgroups)) == pytest.approx(share)


def test_a_kernel_without_control_groups_tells_the_machines_memory(machine: FakeProc) -> None:
    (machine.proc / "self" / "cgroup").unlink()
    assert available_share(str(machine.proc), str(machine.cgroups)) == pytest.approx(0.75)


def test_the_shortest_memory_counts(machine: FakeProc) -> None:
    machine.memory_kb = (10 * GIB_KB, 1 * GIB_KB)
    machine.groups = ["0::/user"]
    machine.write()
    machine.group("user", GROUP_V2)
    assert available_share(str(machine.proc), str(machine.cgroups)) == pytest.approx(0.1)
