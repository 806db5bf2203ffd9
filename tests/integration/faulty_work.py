"""Image work that does, by the name of its source, what no decoder should; run by worker processes."""

import ctypes
import dataclasses
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pixfarm.errors import FailureCode
from pixfarm.imaging import Draft, ImageSettings, NotPublished, draft_image
from pixfarm.imaging.publishing import Part
from pixfarm.parts import name_part
from pixfarm.recipe import Recipe

LEAK_MIB = 16
CHILD_FILE = "child.pid"
GO_ON_FILE = "go-on"
SLOW_S = 1.5
_kept: list[bytearray] = []


def work(source: Path, target: Path, attempt_id: str, settings: ImageSettings, recipe: Recipe) -> Draft:
    """What the name says, with a temporary file in the way; images of other names are processed."""
    if source.stem == "slow":
        time.sleep(SLOW_S)
        return draft_image(source.with_name("small.png"), target, attempt_id, settings)
    if source.stem == "slow-disk":
        draft = draft_image(source.with_name("small.png"), target, attempt_id, settings)
        return dataclasses.replace(draft, part=_OnSlowDisk(draft.part, target.parent / GO_ON_FILE))
    deed = DEEDS.get(source.stem)
    if deed is None:
        return draft_image(source, target, attempt_id, settings, recipe)
    (target.parent / name_part(target.name, attempt_id)).write_bytes(b"half a result")
    deed(target)
    raise AssertionError(f"{source.stem} came to an end")


class _OnSlowDisk(Part):
    """A result that is not published before a file is there."""

    def __init__(self, part: Part, go_on: Path) -> None:
        self._part = part
        self._go_on = go_on

    def publish(self, *, fsync: bool) -> int:
        while not self._go_on.exists():
            time.sleep(0.01)
        return self._part.publish(fsync=fsync)


def leak(source: Path, target: Path, attempt_id: str, settings: ImageSettings, recipe: Recipe) -> Draft:
    """Processes an image and keeps some memory."""
    _kept.append(bytearray(os.urandom(1024) * 1024 * LEAK_MIB))
    return draft_image(source, target, attempt_id, settings, recipe)


def _kill_itself(number: int) -> Callable[[Path], None]:
    return lambda target: os.kill(os.getpid(), number)


def _exit(code: int) -> Callable[[Path], None]:
    return lambda target: sys.exit(code)


def _hang(target: Path) -> None:
    threading.Event().wait()


def _use_memory_without_asking_whether_there_is_any(target: Path) -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    block = libc.malloc(ctypes.c_size_t(1 << 40))
    ctypes.memset(block, 1, 4096)


def _chatter(target: Path) -> None:
    for _ in range(8):
        threading.Thread(target=_talk, daemon=True).start()
    _talk()


def _talk() -> None:
    for number in itertools.count():
        sys.stderr.write(f"a decoder's opinion {number}\n")
        sys.stderr.flush()
        time.sleep(0.005)


def _exit_beside_threads(target: Path) -> None:
    threading.Thread(target=threading.Event().wait).start()
    sys.exit(0)


def _hang_beside_a_child(target: Path) -> None:
    # The worker closes its lanes in a child, and takes its group with it.
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):  # that of the listing itself is closed by now
            if str(descriptor.readlink()).startswith("socket:"):
                os.dup(int(descriptor.name))
    child = os.fork()
    if child:
        (target.parent / CHILD_FILE).write_text(str(child))
    else:
        os.setsid()
    threading.Event().wait()


def _find_the_disk_full(target: Path) -> None:
    raise NotPublished(FailureCode.NO_SPACE, "no space left for output_dir", 12_345)


DEEDS: dict[str, Callable[[Path], None]] = {
    "segfault": _kill_itself(signal.SIGSEGV),
    "abort": _kill_itself(signal.SIGABRT),
    "sigkill": _kill_itself(signal.SIGKILL),
    "exit-0": _exit(0),
    "exit-3": _exit(3),
    "hang": _hang,
    "no-malloc": _use_memory_without_asking_whether_there_is_any,
    "chatter": _chatter,
    "exit-beside-threads": _exit_beside_threads,
    "hang-beside-a-child": _hang_beside_a_child,
    "disk-full": _find_the_disk_full,
}
