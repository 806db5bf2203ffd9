"""Which images of a job are still to be done."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from pixfarm.journal import Journal, Provenance
from pixfarm.listing import SourceTree, eligible_files
from pixfarm.model import ImageState, JobSpec
from pixfarm.names import original, shown

_BATCH = 256
# Looking at a file on a file server takes a millisecond or so of waiting, not of work.
_LOOKERS = 8


class Worklist:
    """The images of one job.

    Args:
        spec: the job.
        tree: where its sources and results are.
        journal: what has come of images before.
        is_resumed: whether some of the job's images may have ended already.
    """

    def __init__(self, spec: JobSpec, tree: SourceTree, journal: Journal, *, is_resumed: bool) -> None:
        self._spec = spec
        self._tree = tree
        self._journal = journal
        self._is_resumed = is_resumed

    def names(self, on_folder_error: Callable[[str, OSError], None]) -> Iterator[str]:
        """All images of the job, whatever has come of them; streams.

        Args:
            on_folder_error: told the relative name of each folder that cannot be listed.
        """
        if self._spec.retry_of:
            return self._names_of(self._spec.retry_of, on_folder_error)
        return eligible_files(self._tree, on_folder_error)

    def to_do(self, names: Iterable[str], on_skipped: Callable[[str], None]) -> Iterator[str]:
        """Those of the names that are still to be done; streams.

        Args:
            names: of images.
            on_skipped: told the name of each image whose result is still good.
        """
        if not (self._is_resumed or self._spec.skip_done):
            yield from names
            return
        with ThreadPoolExecutor(_LOOKERS, thread_name_prefix="look") as lookers:
            names = iter(names)
            while batch := list(islice(names, _BATCH)):
                left = self._not_ended(batch) if self._is_resumed else batch
                good = self._still_good(left, lookers) if self._spec.skip_done else set()
                for name in left:
                    if name in good:
                        on_skipped(name)
                    else:
                        yield name

    def is_ended(self, name: str) -> bool:
        """Whether that image, or folder, has ended in an earlier run of the job."""
        return self._is_resumed and not self._not_ended([name])

    def _not_ended(self, names: list[str]) -> list[str]:
        ended = self._journal.ended(self._spec.job_id, [shown(name) for name in names])
        return [name for name in names if shown(name) not in ended]

    def _still_good(self, names: list[str], lookers: ThreadPoolExecutor) -> set[str]:
        known = self._journal.last_done(self._spec.base_path, [shown(name) for name in names])
        checked = lookers.map(lambda text: self._is_good(original(text), known[text]), known)
        return {original(text) for text, is_good in zip(known, checked, strict=True) if is_good}

    def _is_good(self, name: str, origin: Provenance) -> bool:
        """Whether neither source nor result has changed since, and the same would be done again."""
        if origin.pipeline != self._spec.recipe.fingerprint:
            return False
        source = (origin.source_bytes, origin.source_mtime_ns)
        result = (origin.result_bytes, origin.result_mtime_ns)
        return (
            _size_and_time(self._tree.source / name) == source
            and _size_and_time(self._tree.target / name) == result
        )

    def _names_of(self, job_id: str, on_folder_error: Callable[[str, OSError], None]) -> Iterator[str]:
        after = ""
        while page := self._journal.images(
            job_id, after, _BATCH, states=(ImageState.FAILED, ImageState.NOT_DONE)
        ):
            after = page[-1].filename
            for record in page:
                name = original(record.filename)
                if record.filename.endswith("/"):  # a folder that could not be listed then
                    yield from eligible_files(self._tree, on_folder_error, name)
                else:
                    yield name


def _size_and_time(path: os.PathLike[str]) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - half the cost of Path.stat, once for each of millions
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
