"""Jobs that are looked at and not submitted."""

import random
from pathlib import Path

import pytest
from PIL import Image

from pixfarm.console.previews import Outlook, outlook_facts, prediction_facts
from pixfarm.errors import InvalidRequest
from pixfarm.listing import source_tree
from pixfarm.model import JobSpec, NodeHealth, NodeStatus, Strategy
from pixfarm.preview import Prediction, dry_run, free_bytes
from pixfarm.recipe import Recipe
from pixfarm.rehearsal import Rehearsal
from pixfarm.request import Output, Selection


def album(base: Path, number: int = 3) -> Path:
    base.mkdir()
    for index in range(number):
        Image.new("RGB", (20 + index, 10), (index, 90, 200)).save(base / f"{index}.png")
    return base


def spec(base: Path, **changes: object) -> JobSpec:
    return JobSpec("job-1", str(base), Strategy.RANDOM, **changes)  # type: ignore[arg-type]


def outlook(base: Path, recipe: Recipe, nodes: list[NodeStatus] | None) -> dict[str, str]:
    found = dry_run(source_tree(str(base)), ["0.png", "1.png"], recipe, random.Random(1))
    facts = outlook_facts(Outlook(str(base), str(recipe), "there", found, nodes, no_nodes="no server"))
    return dict(facts)


def test_functions_of_peoples_own_are_not_tried_here(tmp_path: Path) -> None:
    facts = outlook(album(tmp_path / "base"), Recipe("mine:func"), [])
    assert "--proof 10 has some done by the nodes" in facts["disk"]
    assert "time" not in facts


def test_workers_that_are_up_share_the_work(tmp_path: Path) -> None:
    nodes = [
        NodeStatus(name="node_1", host="a", port=1, workers=3),
        NodeStatus(name="node_2", host="b", port=1, workers=8, health=NodeHealth.DOWN),
        NodeStatus(name="node_3", host="c", port=1, workers=8, draining=True),
    ]
    facts = outlook(album(tmp_path / "base"), Recipe("invert"), nodes)
    assert "the 3 workers that are up" in facts["time"]
    assert facts["nodes"].startswith("1 of 3 up: node_1 (3); node_2 is down")


def test_a_server_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    facts = outlook(album(tmp_path / "base"), Recipe("invert"), None)
    assert facts["nodes"] == "not known: no server"
    assert "workers" not in facts["time"]


def test_too_little_room_stands_out() -> None:
    facts = dict(prediction_facts(Prediction(10.0, 5e9), 10**9, 2, "by a guess"))
    assert facts["disk"] == "about 5 GB of results (by a guess); 1 GB free there: TOO LITTLE"


def test_room_is_asked_where_results_will_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "there" / "yet") == pytest.approx(free_bytes(tmp_path), rel=0.01)


def test_the_same_images_are_chosen_each_time(tmp_path: Path) -> None:
    base = album(tmp_path / "base", 30)
    _, first = Rehearsal(spec(base)).choose(5)
    _, again = Rehearsal(spec(base, recipe=Recipe("invert"))).choose(5)
    assert first == again


def test_a_proof_goes_below_the_results_under_the_names_that_all_will_have(tmp_path: Path) -> None:
    base = album(tmp_path / "base")
    output = Output(str(tmp_path / "web"), "{stem}_small{ext}")
    rehearsal = Rehearsal(spec(base, output=output, selection=Selection(limit=2), skip_done=True))
    proof = rehearsal.proof_spec(tmp_path / "list")
    assert proof.output == Output(str(tmp_path / "web" / "proofs" / "job-1"), output.name)
    assert proof.selection == Selection(files_from=str(tmp_path / "list"))
    assert not proof.skip_done


def test_images_that_cannot_be_seen_from_here_are_not_looked_at(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="run it where the images can be seen"):
        Rehearsal(spec(tmp_path / "elsewhere"))
