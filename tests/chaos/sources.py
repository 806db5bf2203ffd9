"""Few different small images under many names, and what has to become of each name."""

import hashlib
import io
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image

from tests.integration.imaging.image_files import picture

_FOLDERS = ("", "", "", "a/", "b/c/", "Spätsommer 'at the lake'/")
_DAMAGED_AT = 0.6


@dataclass
class Expected:
    """What may become of one name.

    Args:
        results: digests of the results that are right.
        may_be_done: a result is right at all.
        may_fail: the image may end as failed.
        may_be_missed: the job may not have seen it.
        may_be_any: every whole image is right: nobody knows what flipped bits make.
    """

    results: set[str]
    may_be_done: bool = True
    may_fail: bool = False
    may_be_missed: bool = False
    may_be_any: bool = False


@dataclass(frozen=True)
class Originals:
    """The different sources, by extension, and the digests of what an undisturbed farm makes of them."""

    contents: dict[str, bytes]
    results: dict[str, str] = field(default_factory=dict)

    def write_to(self, source_dir: Path) -> None:
        """Writes each once, as its extension."""
        source_dir.mkdir(parents=True)
        for extension, content in self.contents.items():
            (source_dir / f"original.{extension}").write_bytes(content)

    def learn(self, output_dir: Path) -> None:
        """Takes over the results of an undisturbed run over what write_to() wrote."""
        for extension in self.contents:
            self.results[extension] = digest((output_dir / f"original.{extension}").read_bytes())


def originals() -> Originals:
    """Two different images, each in three formats."""
    first = picture(32, 48)
    second = np.ascontiguousarray(255 - first[::-1])
    contents = {}
    for pixels, extensions in ((first, ("png", "jpg", "bmp")), (second, ("PNG", "tif", "webp"))):
        for extension in extensions:
            buffer = io.BytesIO()
            kind = {"jpg": "jpeg", "tif": "tiff"}.get(extension.lower(), extension.lower())
            options = {"lossless": True} if kind == "webp" else {}
            Image.fromarray(pixels).save(buffer, kind, **options)
            contents[extension] = buffer.getvalue()
    return Originals(contents)


class Base:
    """A base path of many names; its sources can be changed while a job runs.

    Args:
        path: made here.
        originals: what is linked under the names.
        number: how many names.
    """

    def __init__(self, path: Path, originals: Originals, number: int) -> None:
        self.path = path
        self.expected: dict[str, Expected] = {}
        self._originals = originals
        self._lock = Lock()
        self._changed: set[str] = set()
        extensions = list(originals.contents)
        kept = path / "originals"  # beside input_dir: no job sees it
        originals.write_to(kept)
        for folder in _FOLDERS:
            (self.source_dir / folder).mkdir(parents=True, exist_ok=True)
        for index in range(number):
            extension = extensions[index % len(extensions)]
            name = f"{_FOLDERS[index % len(_FOLDERS)]}image_{index:05}.{extension}"
            os.link(kept / f"original.{extension}", self.source_dir / name)
            self.expected[name] = Expected({originals.results[extension]})

    @property
    def source_dir(self) -> Path:
        return self.path / "input_dir"

    @property
    def output_dir(self) -> Path:
        return self.path / "output_dir"

    def replace(self, number: int) -> bool:
        """Puts the other image of the same format in the place of a source, or another of its kind."""
        with self._lock:
            name = self._pick(number)
            if name is None:
                return False
            extension = name.rsplit(".", 1)[1]
            # PNG alone comes in two contents; of any other format the same image is written anew.
            other = {"png": "PNG", "PNG": "png"}.get(extension, extension)
            self.expected[name].results.add(self._originals.results[other])
            self._write(name, self._originals.contents[other])
            return True

    def delete(self, number: int) -> bool:
        """Removes a source."""
        with self._lock:
            name = self._pick(number)
            if name is None:
                return False
            self.expected[name].may_fail = self.expected[name].may_be_missed = True
            (self.source_dir / name).unlink()
            return True

    def damage(self, number: int) -> bool:
        """Cuts a source off."""
        with self._lock:
            name = self._pick(number)
            if name is None:
                return False
            content = self._originals.contents[name.rsplit(".", 1)[1]]
            self.expected[name].may_fail = True
            self._write(name, content[: int(len(content) * _DAMAGED_AT)])
            return True

    def _pick(self, number: int) -> str | None:
        names = [name for name in self.expected if name not in self._changed]
        if not names:
            return None
        name = random.Random(number).choice(names)
        self._changed.add(name)
        return name

    def _write(self, name: str, content: bytes) -> None:
        path = self.source_dir / name
        new = path.with_name(".new")
        new.write_bytes(content)
        new.replace(path)


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
