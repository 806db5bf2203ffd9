"""A function of one's own, from a file on a node to the results of a job."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.pictures import many_images, results, save_image
from tests.acceptance.processes import Terminals, wait_until

MINE = """
def top(image, *, rows: int = 8):
    if image.shape[1] > 50:
        raise ValueError("too wide")
    print("seen")
    return image[:rows]
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "mine.py").write_text(MINE)
    return folder


@pytest.fixture(scope="module")
def mixed(code: Path) -> Iterator[LocalFarm]:
    """A node that runs functions, and one that does not."""
    with LocalFarm([NodeSpec(0.0, ("--workers", "1", "--code", str(code))), NodeSpec()]) as farm:
        yield farm


def test_a_function_is_called_by_the_node_that_has_it_and_fails_for_one_image(
    terminals: Terminals, mixed: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 10)
    save_image(base / "input_dir" / "wide.png", (60, 30))
    report = terminals.report(mixed, base, "--op", "mine:top: rows=5 | flip")
    assert (report["done"], report["failed"], report["retries"]) == (10, 1, 0)
    (failed,) = report["failures"]
    assert (failed["filename"], failed["code"], failed["message"], failed["node"]) == (
        "wide.png",
        "FUNCTION_FAILED",
        "mine.py:4: ValueError: too wide",
        "node_1",
    )
    with Image.open(base / "output_dir" / "image_0000.png") as image:
        assert image.size == (48, 5)
    assert not any("seen" in line for line in mixed.nodes["node_1"].lines)


def test_a_job_whose_function_cannot_be_loaded_stops_and_goes_on_when_that_is_mended(
    terminals: Terminals, mixed: LocalFarm, code: Path, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 40)
    (code / "late.py").write_text("import no_such_library\n")
    report = terminals.report(mixed, base, "--op", "late:same")
    assert (report["done"], report["failed"], report["not_done"]) == (0, 0, 40)
    assert (report["state"], report["code"]) == ("gave up", "NO_CODE")
    assert report["message"] == (
        "node_1: late.py cannot be imported: late.py:1: ModuleNotFoundError: "
        "No module named 'no_such_library'; mend that and "
        f"client.py --resume {report['job_id']}, or submit it with another --op"
    )
    (code / "late.py").write_text("def same(image):\n    return image\n")
    assert terminals.report(mixed, "--resume", report["job_id"])["done"] == 40


def test_a_farm_that_runs_no_code_refuses_a_function_at_once(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 2)
    terminals.client(farm, base, "--op", "mine:top").ended().has_one_line(
        2, "no node runs functions of people's own, as in mine:top; start computenode.py with --code DIR"
    )
    assert not (base / "output_dir").exists()


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("nowhere", "'nowhere' is no directory; write the one that holds the modules"),
        ("", "'' is no directory"),
    ],
    ids=["missing", "empty"],
)
def test_a_node_needs_the_directory_of_its_functions(terminals: Terminals, folder: str, words: str) -> None:
    terminals.script("computenode.py", "0", "--code", folder).ended().has_one_line(2, words)


def test_a_node_that_has_the_function_is_waited_for_while_it_is_restarted(
    terminals: Terminals, code: Path, tmp_path: Path
) -> None:
    (code / "late.py").write_text("import time\ndef same(image):\n    time.sleep(0.03)\n    return image\n")
    base = many_images(tmp_path / "base", 60)
    with LocalFarm([NodeSpec(0.0, ("--workers", "1", "--code", str(code))), NodeSpec()]) as farm:
        client = terminals.client(farm, base, "--op", "late:same", "--json")
        wait_until(lambda: len(results(base)) > 5, "some results")
        node = farm.nodes["node_1"]
        node.kill()
        farm.start_node("node_1", node.port).wait_until_ready()
        report = client.ended().report
    assert (report["state"], report["done"], report["not_done"]) == ("finished", 60, 0)
