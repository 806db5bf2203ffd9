"""Makes the pictures of README.md from a real run over data/; needs the dev extra."""

import os
import pty
import re
import shutil
import subprocess
import tempfile
from io import StringIO
from pathlib import Path

from PIL import Image, ImageOps
from rich.console import Console
from rich.text import Text

from pixfarm.demo import LOAD_PROBABILITIES
from pixfarm.farm import HOME, LocalFarm, NodeSpec

PICTURES = HOME / "docs" / "pictures"
PAIR = "summer_palace.jpg"
_COLUMNS = 86
_LINE_LENGTH_LIMIT = 64 * 1024


def main() -> None:
    """Runs a farm over a copy of data/ and draws what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "data"
        shutil.copytree(HOME / "data" / "input_dir", base / "input_dir")
        specs = [NodeSpec(p, ("--workers", "1", "--delay-s", "1")) for p in LOAD_PROBABILITIES]
        with LocalFarm(specs) as farm:
            shown = _run_in_terminal(farm.client_command(str(base)))
        shown = shown.replace(str(base), "/home/me/pixfarm/data")
        (PICTURES / "report.svg").write_text(_terminal_picture(shown))
        _side_by_side(base / "input_dir" / PAIR, base / "output_dir" / PAIR).save(
            PICTURES / "before_after.jpg", quality=88
        )


def _run_in_terminal(command: list[str]) -> str:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(_COLUMNS), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    # Progress goes to stderr and is wiped at the end; the picture is of the report, on stdout.
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as client:
        os.close(theirs)
        chunks = []
        while chunk := _read(ours):
            chunks.append(chunk)
    os.close(ours)
    if client.returncode:
        raise SystemExit(f"the client ended with exit code {client.returncode}")
    return b"".join(chunks).decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, _LINE_LENGTH_LIMIT)
    except OSError:  # Linux answers EIO when the other side has closed
        return b""


def _terminal_picture(ansi: str) -> str:
    console = Console(record=True, width=_COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ python3 client.py\n{ansi.rstrip()}"))
    svg = console.export_svg(title="pixfarm")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # no font from a stranger's server
    return svg.replace("<text ", '<text xml:space="preserve" ')  # some viewers drop leading blanks


def _side_by_side(before: Path, after: Path) -> Image.Image:
    with Image.open(before) as left, Image.open(after) as right:
        upright = ImageOps.exif_transpose(left).convert("RGB")
        pair = Image.new("RGB", (2 * upright.width + 8, upright.height), "white")
        pair.paste(upright, (0, 0))
        pair.paste(right.convert("RGB"), (upright.width + 8, 0))
        return pair


if __name__ == "__main__":
    main()
