"""The pass lines of the reliability page, in sizes that a test run bears."""

from pathlib import Path

import pytest

from tests.chaos import scenario_damaged as damaged
from tests.chaos import scenario_disk as disk
from tests.chaos import scenario_faults as faults
from tests.chaos import scenario_limits as limits
from tests.chaos import scenario_network as network
from tests.chaos import scenario_node_dies as node_dies
from tests.chaos import scenario_refusals as refusals
from tests.chaos import scenario_server_kill as server_kill
from tests.chaos.fault_plan import Kind
from tests.chaos.outcome import Outcome
from tests.conftest import RequireTool

pytestmark = pytest.mark.timeout(400)
TRIES = 3


def check(outcome: Outcome) -> None:
    """Fails with what was found; skips when there was nothing that this machine allows."""
    assert outcome.violations == [], f"seed {outcome.seed}"
    if outcome.not_run:
        pytest.skip("; ".join(outcome.not_run))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_images_survive_fifty_faults(tmp_path: Path, seed: int) -> None:
    outcome = faults.run(faults.Round(seed, images=1000, faults=50), tmp_path)
    check(outcome)
    assert outcome.images >= 1000
    assert sum(outcome.faults.values()) >= 45  # a client that is just leaving cannot be killed any more


def test_a_server_killed_at_a_system_call_goes_on_where_it_was(
    tmp_path: Path, require_tool: RequireTool
) -> None:
    require_tool("strace")
    outcome = server_kill.run(server_kill.POINTS, tmp_path)
    check(outcome)
    assert sum(outcome.faults.values()) == len(server_kill.POINTS), outcome.notes


@pytest.mark.parametrize("p", refusals.PROBABILITIES)
def test_refusals_end_a_job_only_when_every_node_refuses_always(tmp_path: Path, p: float) -> None:
    check(refusals.run(tmp_path, [1], jobs=5, images=3, probabilities=[p]))


def test_damaged_files_cost_themselves_only(tmp_path: Path) -> None:
    check(damaged.run(tmp_path, seed=1, files=500))


def test_a_node_that_cannot_write_large_files_costs_no_image(tmp_path: Path) -> None:
    check(disk.run_limited(tmp_path, 100))


@pytest.mark.parametrize(("call", "error"), disk.FAILING_CALLS[:2])
def test_a_node_whose_disk_fails_costs_no_image(
    tmp_path: Path, require_tool: RequireTool, call: str, error: str
) -> None:
    require_tool("strace")
    check(disk.run_failing_calls(tmp_path, 100, call, error))


@pytest.mark.parametrize(("call", "error"), disk.FAILING_JOURNAL_CALLS[:1])
def test_a_journal_that_cannot_be_written_for_a_while_costs_no_image(
    tmp_path: Path, require_tool: RequireTool, call: str, error: str
) -> None:
    require_tool("strace")
    check(disk.run_failing_journal(tmp_path, 100, call, error))


def test_a_node_with_a_full_disk_costs_no_image(tmp_path: Path) -> None:
    check(disk.run_one_full(tmp_path, 100))


def test_a_job_goes_on_when_the_full_disk_has_space_again(tmp_path: Path) -> None:
    check(disk.run_all_full_then_not(tmp_path, 150))


def test_a_rolling_restart_of_the_nodes_fails_no_image(tmp_path: Path) -> None:
    outcome = faults.run(faults.Round(1, 300, 10, 2.0, {Kind.NODE_RESTART}), tmp_path)
    check(outcome)
    assert outcome.faults["restart node"] == 10


def test_the_loss_of_one_of_four_nodes_is_noticed_soon_and_costs_little(tmp_path: Path) -> None:
    # A line of time: other tests may just have kept the cores from us, so it has to hold once in three times.
    for number in range(TRIES):
        outcome = node_dies.run(tmp_path / str(number), 200)
        assert outcome.found.all == []
        if not outcome.broken:
            return
    check(outcome)


def test_a_node_without_free_descriptors_costs_no_image(tmp_path: Path, require_tool: RequireTool) -> None:
    require_tool("prlimit")
    check(limits.run_descriptors(tmp_path, 100))


def test_clocks_that_jump_cost_no_image(tmp_path: Path) -> None:
    check(limits.run_clock(tmp_path, 80))


def test_a_node_whose_network_is_lost_costs_no_image(tmp_path: Path, require_tool: RequireTool) -> None:
    require_tool("ip")
    check(network.run(tmp_path, 150, 2))
