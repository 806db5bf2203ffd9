"""Jobs that call functions of people's own, on a server whose nodes may not carry them out."""

from dataclasses import replace
from pathlib import Path

import pytest

from pixfarm.errors import InvalidRequest
from pixfarm.fleet import Fleet
from pixfarm.recipe import Recipe
from tests.unit.core.farm_parts import fill, fleet_of, machines, pong
from tests.unit.core.jobs_rig import server

OWN = Recipe("mine:f: k=3")


def tell(fleet: Fleet, *, runs_code: bool) -> Fleet:
    """The only node answers a ping."""
    (machine,) = machines(1)
    fleet.pong(machine, replace(pong(machine, workers=20), runs_code=runs_code))
    return fleet


def test_a_job_that_no_node_can_do_is_not_begun(tmp_path: Path) -> None:
    with server(fleet=tell(fleet_of(0.0), runs_code=False)) as rig:
        with pytest.raises(InvalidRequest, match="no node runs functions of people's own, as in mine:f: k=3"):
            rig.submit(fill(tmp_path, 2), recipe=OWN)
        assert rig.jobs.all() == []


def test_a_job_that_no_node_can_do_any_more_is_not_resumed(tmp_path: Path) -> None:
    fleet = tell(fleet_of(0.0), runs_code=True)
    with server(fleet=fleet) as rig:
        rig.submit(fill(tmp_path, 200), "job-1", recipe=OWN)
        rig.gate.wait_until_held(2)
        rig.jobs.cancel("job-1")
        rig.finish(1)
        tell(fleet, runs_code=False)
        with pytest.raises(InvalidRequest, match="no node runs functions"):
            rig.jobs.resume("job-1")
