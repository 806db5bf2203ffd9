"""The directory of people's own functions: its modules, loaded once, and again when a file changes."""

import gc
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
        # The directory may hold a virtual environment, or be pixfarm's own: what has come from there stays.
        self._not_ours = tuple(f"{entry}/" for entry in sys.path if entry.startswith(f"{path}/"))
        self._before = frozenset(sys.modules)
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
        if known is not None and self._has_changed(known):
            known = None  # else what it holds would still be there
            self._forget()
        elif known is not None and known.module is None and self._clock() - known.at >= _RETRY_S:
            known = None
        if known is None:
            known = self._loaded[name] = self._load(name)
        if known.module is None:
            raise TaskFailed(FailureCode.NO_CODE, known.failure)
        return known.module

    def _has_changed(self, loaded: _Loaded) -> bool:
        changed = [path for path, stamp in loaded.stamps.items() if _stamp(path) != stamp]
        if not changed or loaded.module is None:
            return bool(changed)
        held = {_file_of(module) for module in list(sys.modules.values())}
        return any(str(path) in held or path.stem == loaded.module.__name__ for path in changed)

    def _forget(self) -> None:
        """All modules of the directory, because they may hold parts of each other."""
        for name, module in list(sys.modules.items()):
            if name not in self._before and self._holds(module):
                del sys.modules[name]
        self._loaded.clear()
        del module
        gc.collect()  # what it had loaded may be large, and is held in circles

    def _load(self, name: str) -> _Loaded:
        path = self._path / f"{name}.py"
        # From before the import: a file that changes meanwhile, or is imported by a call, has changed, too.
        stamps = {file: _stamp(file) for file in (*self._path.glob("*.py"), path)}
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
        return _Loaded(module, failure, stamps, self._clock())

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
        before = frozenset(sys.modules)
        sys.modules[name] = module
        try:
            with _no_bytecode():
                spec.loader.exec_module(module)
        except BaseException:
            for new in sys.modules.keys() - before:  # they may hold parts of what has failed
                if self._holds(sys.modules[new]):
                    del sys.modules[new]
            raise
        return module

    def _holds(self, module: object) -> bool:
        file = _file_of(module)
        return file.startswith(f"{self._path}/") and not file.startswith(self._not_ours)


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
