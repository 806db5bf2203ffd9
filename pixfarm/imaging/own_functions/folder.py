"""The directory of people's own functions: its modules, loaded once, and again when a file changes."""

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.own_functions.tracing import last_line

_RETRY_S = 5.0

_Stamp: TypeAlias = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A module, or why there is none, and the files that this depends on."""

    module: ModuleType | None
    failure: str
    stamps: Mapping[Path, _Stamp]
    at: float


class CodeFolder:
    """The modules of a directory; they can import each other, but hide no installed one.

    Args:
        path: absolute; a module is a file directly in it.
        clock: monotonic seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._loaded: dict[str, _Loaded] = {}
        if str(path) not in sys.path:
            sys.path.append(str(path))

    def module(self, name: str) -> ModuleType:
        """The module of that name, as its file is now.

        One that fails is imported again when its file changes, and every few seconds: what it lacks may have
        been installed.

        Raises:
            TaskFailed: NO_CODE, it cannot be imported; the message says why and where.
            MemoryError: it needs more than there is.
        """
        known = self._loaded.get(name)
        if known is not None and self._is_stale(known):
            self._forget()
            known = None
        if known is None:
            known = self._loaded[name] = self._load(name)
        if known.module is None:
            raise TaskFailed(FailureCode.NO_CODE, known.failure)
        return known.module

    def _is_stale(self, loaded: _Loaded) -> bool:
        if any(_stamp(path) != stamp for path, stamp in loaded.stamps.items()):
            return True
        return loaded.module is None and self._clock() - loaded.at >= _RETRY_S

    def _forget(self) -> None:
        """All modules of the directory, because they may hold parts of each other."""
        for name, module in list(sys.modules.items()):
            if self._holds(module):
                del sys.modules[name]
        self._loaded.clear()

    def _load(self, name: str) -> _Loaded:
        path = self._path / f"{name}.py"
        stamps = {path: _stamp(path)}
        module, failure = None, ""
        if stamps[path] is None:
            failure = f"there is no {path.name} in {self._path}, where this node has its functions"
        elif owner := self._other_owner(name):
            failure = f"{path.name} has the name of another module ({owner}); give the file another name"
        else:
            try:
                module = self._imported(name, path)
            except MemoryError:
                raise
            except BaseException as error:  # noqa: BLE001 - code of somebody's own may raise anything
                failure = f"{path.name} cannot be imported: {last_line(error, self._path)}"
        return _Loaded(module, failure, self._stamps_beside() | stamps, self._clock())

    def _other_owner(self, name: str) -> str:
        """What else is imported by that name, and would be hidden by a module of the directory."""
        if name in sys.stdlib_module_names:
            return "Python's own"
        if name in sys.modules:
            return "" if self._holds(sys.modules[name]) else _file_of(sys.modules[name]) or "of this process"
        elsewhere = PathFinder.find_spec(name, [entry for entry in sys.path if entry != str(self._path)])
        return (elsewhere.origin or "") if elsewhere else ""

    def _imported(self, name: str, path: Path) -> ModuleType:
        if name in sys.modules:
            return sys.modules[name]  # by another module of the directory
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            with _no_bytecode():
                spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module

    def _stamps_beside(self) -> dict[Path, _Stamp]:
        """The files in the directory itself that modules have come from; it may hold a whole library, too."""
        files = [Path(_file_of(module)) for module in list(sys.modules.values()) if self._holds(module)]
        return {file: _stamp(file) for file in files if file.parent == self._path}

    def _holds(self, module: object) -> bool:
        return _file_of(module).startswith(f"{self._path}/")


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Files are read: cached bytecode is taken for current when a file changes twice in a second."""
    importlib.invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _file_of(module: object) -> str:
    # Not by getattr(): that alone makes some libraries import their parts.
    file = getattr(module, "__dict__", {}).get("__file__")
    return file if isinstance(file, str) else ""


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:  # it is not there; if it is another error, an import tells
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
