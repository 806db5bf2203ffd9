"""Choosing what is done to images, as a person does."""

import json
from pathlib import Path

import pytest
from PIL import Image

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images, results, save_image
from tests.acceptance.processes import Terminals, wait_until

SLOW = NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.1"))

WEB = """
[[step]]
op = "resize"
width = 16
height = 16
fit = "exact"

[[step]]
op = "invert"
"""


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def sizes(base: Path) -> set[tuple[int, int]]:
    return {size_of(base / "output_dir" / name) for name in results(base)}


def test_images_are_done_by_the_operations_that_were_chosen(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 5)
    report = terminals.report(farm, base, "--op", "resize: width=20 | flip | rotate: angle=90")
    assert report["done"] == 5
    assert report["recipe"]["pipeline"] == "resize: width=20 | flip | rotate: angle=90"
    assert {width for width, _height in sizes(base)} != {20}
    assert {height for _width, height in sizes(base)} == {20}


def test_a_pipeline_may_stand_in_a_file(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 3)
    path = tmp_path / "web.toml"
    path.write_text(
        '[[step]]\nop = "resize"\nwidth = 16\nheight = 16\nfit = "exact"\n\n[[step]]\nop = "invert"\n'
    )
    report = terminals.report(farm, base, "--pipeline", str(path))
    assert report["recipe"]["pipeline"] == "resize: width=16, height=16, fit=exact | invert"
    assert sizes(base) == {(16, 16)}


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("resise: width=20", "character 1 (step 1): there is no operation 'resise' (did you mean resize?)"),
        ("flip | resize: widht=20", "character 16 (step 2): resize has no parameter 'widht' (did you mean"),
        ("resize: width=0", "character 15 (step 1): width: 0 is not a whole number from 1 to 65500"),
        ("resize", "character 1 (step 1): resize: needs a size"),
        ("", "character 1 (step 1): found the end; write the name of an operation"),
    ],
    ids=["operation", "parameter", "value", "nothing to do", "empty"],
)  # fmt: skip
def test_a_wrong_pipeline_is_one_line_and_nothing_is_done(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path, pipeline: str, words: str
) -> None:
    base = many_images(tmp_path / "base", 2)
    terminals.client(farm, base, "--op", pipeline).ended().has_one_line(2, words)
    assert not (base / "output_dir").exists()
    assert str(base) not in terminals.client(farm, "--jobs", "--json").ended().out


def test_a_wrong_step_of_a_file_is_told_by_its_number(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text('[[step]]\nop = "flip"\n\n[[step]]\nop = "blur"\nradius = "wide"\n')
    base = many_images(tmp_path / "base", 1)
    terminals.client(farm, base, "--pipeline", str(path)).ended().has_one_line(
        2, "(step 2): radius: 'wide' is not a number"
    )


def test_an_image_that_an_operation_cannot_do_fails_alone(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 3)
    width, height = size_of(base / "input_dir" / "image_0000.png")
    save_image(base / "input_dir" / "wide.png", (2 * width, height))
    report = terminals.report(farm, base, "--op", f"crop: x={width}, y=0, width=5, height=5")
    assert (report["done"], report["failed"]) == (1, 3)
    assert {failure["code"] for failure in report["failures"]} == {"UNSUPPORTED"}
    assert all("crop: nothing to keep at" in failure["message"] for failure in report["failures"])


def test_a_retry_does_to_images_what_the_job_did(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 2)
    (base / "input_dir" / "late.png").write_bytes(b"not yet")
    report = terminals.report(farm, base, "--op", "resize: width=16, height=16, fit=exact")
    save_image(base / "input_dir" / "late.png")
    again = terminals.report(farm, "--retry-failed", report["job_id"])
    assert (again["done"], again["recipe"]) == (1, report["recipe"])
    assert sizes(base) == {(16, 16)}


def test_results_of_other_operations_are_made_again(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 3)
    for pipeline, done in (("blur", 3), ("blur", 0), ("blur: radius=3", 3), ("blur:radius=3", 0)):
        report = terminals.report(farm, base, "--op", pipeline, "--skip-done")
        assert (report["done"], report["skipped"]) == (done, 3 - done), pipeline


def test_a_job_goes_on_with_its_operations_when_the_server_comes_back(
    make_farm: MakeFarm, terminals: Terminals, tmp_path: Path
) -> None:
    farm = make_farm([SLOW] * 2)
    base = many_images(tmp_path / "base", 60)
    pipeline = ("--op", "resize: width=16, height=16, fit=exact")
    client = terminals.client(farm, base, *pipeline, "--strategy", "random", "--json")
    wait_until(lambda: len(results(base)) >= 5, "5 results")
    assert farm.server
    port = farm.server.port
    farm.server.kill()
    farm.start_server(port).wait_until_ready()
    assert client.ended(60).report["done"] == 60
    assert sizes(base) == {(16, 16)}


def test_the_operations_are_listed_without_a_server(terminals: Terminals, tmp_path: Path) -> None:
    listed = terminals.script("client.py", "--list-ops").ended()
    assert listed.code == 0
    assert "  resize " in listed.out
    document = json.loads(terminals.script("client.py", "--list-ops", "--json").ended().out)
    assert {"edges", "resize", "watermark"} < {operation["name"] for operation in document["operations"]}


def test_an_operation_is_described_with_its_parameters(terminals: Terminals) -> None:
    described = terminals.script("client.py", "--describe-op", "resize").ended()
    assert described.code == 0
    for words in ("width", "1 to 65500 px", "inside, cover, exact", '--op "resize: '):
        assert words in described.out
    terminals.script("client.py", "--describe-op", "resise").ended().has_one_line(2, "did you mean resize?")
