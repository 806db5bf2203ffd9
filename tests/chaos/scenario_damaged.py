"""Damaged image files: cut off, with flipped bits, and small files that ask for gigabytes."""

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from pixfarm.farm import NodeSpec
from tests.chaos.outcome import Outcome
from tests.chaos.sources import Base, Expected
from tests.chaos.stage import Stage
from tests.integration.imaging.image_files import bmp, chunk, picture, save, tiff

NAME = "damaged files"
LINE = "0 node deaths, all truncations failed, no output for a failed image"
_STEPS = 64
_NODES = [NodeSpec(0.0, ("--workers", "1"))] * 2
_GOOD = 60
_HUGE_PX = 60_000

_FORMATS: dict[str, Callable[[Image.Image], bytes]] = {
    "jpg": lambda image: save(image, "jpeg"),
    "png": lambda image: save(image, "png"),
    "bmp": lambda image: save(image, "bmp"),
    "tif": lambda image: save(image, "tiff", compression="tiff_lzw"),
    "webp": lambda image: save(image, "webp", lossless=True),
    "jpeg": lambda image: save(image, "jpeg", progressive=True),
}


def run(folder: Path, seed: int, files: int) -> Outcome:
    """One job over about that many damaged files, with some good ones between them."""
    outcome = Outcome(NAME, LINE, seed)
    with Stage(folder, _NODES, outcome) as stage:
        base = stage.new_base(_GOOD)
        for name, content, expected in _damaged(random.Random(seed), files):
            (base.source_dir / name).write_bytes(content)
            base.expected[name] = expected
            outcome.faults[name.split("_")[0]] += 1
        workers = {name: stage.farm.workers(name) for name in stage.farm.nodes}
        evidence = stage.finish(stage.submit(base))
        stage.check_strays()
        _check_nodes(stage, outcome)
        replaced = sum(stage.farm.workers(name) != pids for name, pids in workers.items())
        outcome.notes.append(f"{replaced} of {len(workers)} nodes had to replace a worker")
        _check_no_output_for_the_failed(base, dict(evidence.states), outcome)
    return outcome


def _damaged(rng: random.Random, files: int) -> Iterator[tuple[str, bytes, Expected]]:
    cut = Expected(set(), may_be_done=False, may_fail=True)
    flipped = Expected(set(), may_fail=True, may_be_any=True)
    for number, bomb in enumerate(_bombs()):
        yield f"bomb_{number}.{bomb[0]}", bomb[1], cut
    left = files - len(list(_bombs()))
    while True:
        pixels = picture(rng.randint(24, 64), rng.randint(24, 64))
        image = Image.fromarray(pixels)
        for extension, encode in _FORMATS.items():
            content = encode(image)
            for step in range(_STEPS):
                if left <= 0:
                    return
                left -= 1
                yield f"cut_{left}.{extension}", content[: len(content) * step // _STEPS], cut
            for _ in range(_STEPS // 3):
                if left <= 0:
                    return
                left -= 1
                yield f"flip_{left}.{extension}", _with_flips(content, rng), flipped


def _with_flips(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _bombs() -> Iterator[tuple[str, bytes]]:
    """Small files whose header promises 3.6 gigapixels, and a PNG that really unpacks to much."""
    header = struct.pack(">IIBBBBB", _HUGE_PX, _HUGE_PX, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(10_000_000))
    yield "png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    yield "tif", tiff(picture(), {256: _HUGE_PX, 257: _HUGE_PX, 278: _HUGE_PX})
    yield "bmp", bmp(bytes(400), _HUGE_PX, 24)
    jpeg = bytearray(save(Image.fromarray(picture()), "jpeg"))
    size_at = jpeg.index(b"\xff\xc0") + 5
    jpeg[size_at : size_at + 4] = struct.pack(">HH", _HUGE_PX, _HUGE_PX)
    yield "jpg", bytes(jpeg)
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    small = save(Image.fromarray(picture()), "png")
    yield "png", small[:33] + text + small[33 : len(small) // 2]


def _check_nodes(stage: Stage, outcome: Outcome) -> None:
    assert stage.farm.server
    outcome.broken += [line for line in stage.farm.server.log().splitlines() if "node lost" in line]
    for name, node in stage.farm.nodes.items():
        if node.process.poll() is not None:
            outcome.broken.append(f"{name} died with {node.process.returncode}")


def _check_no_output_for_the_failed(base: Base, states: dict[str, str], outcome: Outcome) -> None:
    for name, state in states.items():
        if state == "failed" and (base.output_dir / name).exists():
            outcome.found.wrong.append(f"{name!r} is failed and has a result")
