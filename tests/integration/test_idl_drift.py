import subprocess
from pathlib import Path

from pixfarm.farm import HOME
from tests.conftest import RequireTool

COMPILER_VERSION = "0.17.0"


def generated_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def idl_command(target: Path) -> list[str]:
    """The command of `make idl`, with another target folder."""
    printed = subprocess.run(
        ["make", "--dry-run", "--silent", "idl"], cwd=HOME, capture_output=True, text=True, check=True
    )
    words = printed.stdout.split()
    place = words.index("-out") + 1
    assert words[place] == "gen-py"
    return [*words[:place], str(target), *words[place + 1 :]]


def test_gen_py_is_what_the_compiler_makes_of_the_idl(tmp_path: Path, require_tool: RequireTool) -> None:
    thrift = require_tool("thrift")
    require_tool("make")
    version = subprocess.run([thrift, "--version"], capture_output=True, text=True, check=True).stdout
    assert version.split()[-1] == COMPILER_VERSION, "gen-py is made by this compiler alone; see `make idl`"
    subprocess.run(idl_command(tmp_path), cwd=HOME, check=True, timeout=30)
    made, committed = generated_files(tmp_path), generated_files(HOME / "gen-py")
    assert made, "the compiler made nothing"
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == [], "run `make idl` and commit gen-py"
