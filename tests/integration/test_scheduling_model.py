"""The scheduling rules in many more histories than the unit tests have time for; no socket, no real time."""

import pytest
from hypothesis import settings

from pixfarm.errors import FailureCode
from pixfarm.model import Strategy
from pixfarm.scheduling.blame import Blame, blame_of
from tests.unit.scheduling.any_farm import AnyFarm
from tests.unit.scheduling.virtual_nodes import Manner
from tests.unit.scheduling.virtual_scenes import share_of_a_bad_node

# Coverage watches every line of the rules, and would take longer than the histories themselves; the lines are
# counted where test_scheduling_histories.py and the unit tests run them.
pytestmark = pytest.mark.no_cover

ILLS = [
    # A node without a job's code is kept from that job, by Delivery, and serves others.
    *(code for code in FailureCode if blame_of(code) not in {Blame.IMAGE, Blame.CODE}),
    Manner.BREAKS,
    Manner.FOREIGN,
    Manner.STRANGER,
]


class AnyFarmForLong(AnyFarm):
    """Many long histories."""


AnyFarmForLong.TestCase.settings = settings(
    derandomize=True,
    max_examples=200,
    stateful_step_count=25,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
)
TestAnyFarm = AnyFarmForLong.TestCase


@pytest.mark.parametrize(("strategy", "p"), [(Strategy.RANDOM, 0.0), (Strategy.LOAD_BALANCING, 0.5)])
@pytest.mark.parametrize("ill", ILLS)
def test_a_node_that_fails_everything_gets_at_most_a_hundredth_of_the_calls_after_a_second(
    strategy: Strategy, ill: FailureCode | Manner, p: float
) -> None:
    assert share_of_a_bad_node(strategy, ill, p, seconds=1.5) <= 0.01
