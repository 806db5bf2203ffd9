"""Dry runs and proofs, as a person makes them before a job."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pixfarm.farm import LocalFarm
from tests.acceptance.pictures import many_images, results, save_image
from tests.acceptance.processes import Terminals, write_machines

SMALL = ("--op", "resize: width=24")


def album(base: Path) -> Path:
    """Images of three kinds, sizes and folders, one that is none, and results of an earlier job."""
    for name, size_px in {
        "a.png": (48, 32),
        "trip/b.jpg": (200, 100),
        "trip/far/c.tif": (64, 64),
        "trip/far/d.png": (48, 32),
    }.items():
        save_image(base / "input_dir" / name, size_px)
    (base / "input_dir" / "bad.jpg").write_text("no picture")
    save_image(base / "output_dir" / "old.png")
    return base


def document(terminals: Terminals, farm: LocalFarm, *arguments: object) -> dict[str, Any]:
    ended = terminals.client(farm, *arguments, "--json").ended()
    assert (ended.code, ended.err) == (0, "")
    found: dict[str, Any] = json.loads(ended.out)
    return found


def test_a_dry_run_tells_what_there_is_and_writes_nothing(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = album(tmp_path / "base")
    found = document(terminals, farm, base, *SMALL, "--dry-run")
    sources = [path for path in (base / "input_dir").rglob("*") if path.is_file()]
    assert (found["images"], found["folders"]) == (5, 3)
    assert found["bytes"] == sum(path.stat().st_size for path in sources)
    assert {name: kind["images"] for name, kind in found["kinds"].items()} == {"png": 2, "jpg": 2, "tif": 1}
    assert {(size["width_px"], size["height_px"]): size["images"] for size in found["sizes"]} == {
        (48, 32): 2,
        (200, 100): 1,
        (64, 64): 1,
    }
    assert [(problem["filename"], "text file" in problem["message"]) for problem in found["problems"]] == [
        ("bad.jpg", True)
    ]
    assert (found["tried"], len(found["nodes"])) == (4, 4)
    assert results(base) == ["old.png"]


def test_what_a_dry_run_predicts_comes_about(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 40)
    predicted = document(terminals, farm, base, *SMALL, "--dry-run")["predicted_bytes"]
    terminals.report(farm, base, *SMALL)
    made = sum((base / "output_dir" / name).stat().st_size for name in results(base))
    assert predicted == made


def test_a_dry_run_for_people_is_a_line_each(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = album(tmp_path / "base")
    ended = terminals.client(farm, base, *SMALL, "--dry-run", "--skip-done").ended()
    assert ended.code == 0
    labels = [line.split()[0] for line in ended.out.splitlines()[2:] if line.startswith("  ")]
    assert labels == [
        *("images", "kinds", "done", "sizes", "pipeline", "results", "disk", "time", "nodes"),
        "bad.jpg:",
    ]


def test_a_dry_run_without_a_server_says_so_and_tells_the_rest(terminals: Terminals, tmp_path: Path) -> None:
    machines = write_machines(tmp_path / "machine.txt", nodes=1)
    base = album(tmp_path / "base")
    ended = terminals.script("client.py", base, "--machines", machines, "--dry-run").ended()
    assert ended.code == 3
    assert "5 in 3 folders" in ended.out
    assert "not known: server (localhost" in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dry-run", "--op", "resise: width=3"), "did you mean resize?"),
        (("--dry-run", "--include", "["), "matches nothing"),
        (("--dry-run", "--format", "jpg"), "would both become 'twin.jpg'"),
        (("--dry-run", "--output", "{base}/input_dir"), "would mix with the originals"),
        (("--dry-run", "--name", "{stem}"), "--format"),
        (("--proof", "2", "--format", "jpg"), "would both become 'twin.jpg'"),
    ],
    ids=["pipeline", "pattern", "collision", "output", "name", "collision in a proof"],
)
def test_what_the_server_would_refuse_is_refused(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    base = tmp_path / "base"
    save_image(base / "input_dir" / "twin.png")
    save_image(base / "input_dir" / "twin.bmp")
    filled = [argument.replace("{base}", str(base)) for argument in arguments]
    ended = terminals.client(farm, base, *filled).ended()
    ended.has_one_line(2, words)
    assert not (base / "output_dir").exists()


def test_a_proof_does_some_images_into_a_folder_of_their_own(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = album(tmp_path / "base")
    (base / "input_dir" / "bad.jpg").unlink()
    name = ("--format", "webp", "--name", "{stem}_{op}{ext}")
    found = document(terminals, farm, base, *SMALL, *name, "--proof", "3")
    folder = Path(found["sheet"]).parent
    assert folder == base / "output_dir" / "proofs" / found["job_id"]
    assert len(found["proofs"]) == 3
    assert {Path(proof["filename"]).suffix for proof in found["proofs"]} == {".png", ".jpg", ".tif"}
    assert all(path.name.endswith("_resize.webp") for path in folder.rglob("*.webp"))
    assert len(list(folder.rglob("*.webp"))) == 3
    page = (folder / "index.html").read_text()
    assert page.count("<article>") == 3
    assert page.count("data:image/") == 6
    assert found["images"] == 4
    assert found["predicted_bytes"] > 0
    assert found["predicted_work_s"] > 0
    assert not [path for path in results(base) if path.startswith(".")]


def test_after_a_proof_the_same_command_does_all(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 6)
    shown = terminals.client(farm, base, *SMALL, "--proof", "2").ended()
    assert shown.code == 0
    assert "index.html" in shown.out
    report = terminals.report(farm, base, *SMALL)
    assert (report["total"], report["done"]) == (6, 6)
    assert len([name for name in results(base) if name.endswith(".png") and "/" not in name]) == 6


def test_a_proof_shows_what_cannot_be_done(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = album(tmp_path / "base")
    ended = terminals.client(farm, base, *SMALL, "--proof", "5", "--json").ended()
    assert ended.code == 1
    found = json.loads(ended.out)
    assert {proof["state"] for proof in found["proofs"]} == {"done", "failed"}
    page = Path(found["sheet"]).read_text()
    assert "not done" in page
    assert "is a text file" in page


def test_a_list_from_standard_input_can_be_looked_at(farm: LocalFarm, tmp_path: Path) -> None:
    base = album(tmp_path / "base")
    command = [*farm.client_command(str(base), *SMALL, "--files-from", "-", "--json"), "--dry-run"]
    ended = subprocess.run(
        command, input="a.png\ntrip/b.jpg\ngone.png\n", text=True, capture_output=True, check=False
    )
    found = json.loads(ended.stdout)
    assert (found["images"], found["missing"]) == (2, 1)
    assert results(base) == ["old.png"]


def test_there_is_no_proof_of_nothing(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    (tmp_path / "base" / "input_dir").mkdir(parents=True)
    ended = terminals.client(farm, tmp_path / "base", "--proof", "3").ended()
    ended.has_one_line(2, "there is no image")
