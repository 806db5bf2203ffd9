"""Which images a job is about, and which of them are still to be done."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from pixfarm.choice import BATCH, LOOKERS, Choice
from pixfarm.collisions import refuse_collisions
from pixfarm.errors import InvalidRequest
from pixfarm.journal import Journal, Provenance
from pixfarm.list_file import listed_names
from pixfarm.listing import SourceTree, eligible_files
from pixfarm.model import ImageState, JobSpec
from pixfarm.name_lists import NameList, NameLists
from pixfarm.names import original, shown
from pixfarm.naming import Naming
from pixfarm.request import Selection


class Worklist:
    """The images of one job.

    Args:
        spec: the job.
        tree: where its sources and results are.
        journal: what has come of images before.
        listed: the names it is about; None for what is found in the source directory.
        is_resumed: whether some of the job's images may have ended already.

    Raises:
        InvalidRequest: its patterns, or the name of its results, are none.
    """

    def __init__(
        self,
        spec: JobSpec,
        tree: SourceTree,
        journal: Journal,
        listed: NameList | None = None,
        *,
        is_resumed: bool,
    ) -> None:
        self._spec = spec
        self._tree = tree
        self._journal = journal
        self._listed = listed
        self._is_resumed = is_resumed
        self._choice = Choice(spec.selection, tree)
        self._naming = Naming(spec.output, spec.recipe)

    def check_results(self) -> None:
        """Looks at all names whether each image has a result of its own, unless that is certain.

        Raises:
            InvalidRequest: two would share one.
        """
        if self._naming.is_one_to_one:
            return
        is_found = not (self._listed or self._spec.retry_of)
        refuse_collisions(self._naming, self.names(lambda _folder, _error: None), by_folder=is_found)

    def keep_list(self) -> None:
        """The job begins: a later run of it has the same list of names, if it has one.

        Raises:
            InvalidRequest: the server cannot write it.
        """
        if self._listed is not None:
            self._listed.keep(self._spec.job_id)

    def drop_list(self) -> None:
        """The job is finished, or has not begun."""
        if self._listed is not None:
            self._listed.remove()

    def names(self, on_folder_error: Callable[[str, OSError], None]) -> Iterator[str]:
        """All images of the job, whatever has come of them; streams.

        Args:
            on_folder_error: told the relative name of each folder that cannot be listed.
        """
        if self._listed is not None:
            return self._choice.of(self._listed.names())
        if self._spec.retry_of:
            return self._choice.of(self._names_of(self._spec.retry_of, on_folder_error))
        return self._choice.found(on_folder_error)

    def to_do(self, names: Iterable[str], on_skipped: Callable[[str], None]) -> Iterator[str]:
        """Those of the names that are still to be done; streams.

        Args:
            names: of images.
            on_skipped: told the name of each image whose result is still good.
        """
        if not (self._is_resumed or self._spec.skip_done):
            yield from names
            return
        with ThreadPoolExecutor(LOOKERS, thread_name_prefix="look") as lookers:
            names = iter(names)
            while batch := list(islice(names, BATCH)):
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
        fingerprint = self._spec.recipe.fingerprint
        known = self._journal.last_done(self._spec.base_path, fingerprint, [shown(name) for name in names])
        checked = lookers.map(lambda text: self._is_good(original(text), known[text]), known)
        return {original(text) for text, is_good in zip(known, checked, strict=True) if is_good}

    def _is_good(self, name: str, origin: Provenance) -> bool:
        """Whether neither source nor result has changed since."""
        source = (origin.source_bytes, origin.source_mtime_ns)
        result = (origin.result_bytes, origin.result_mtime_ns)
        return (
            _size_and_time(self._tree.source / name) == source
            and _size_and_time(self._tree.target / self._naming.result_of(name)) == result
        )

    def _names_of(self, job_id: str, on_folder_error: Callable[[str, OSError], None]) -> Iterator[str]:
        after = ""
        while page := self._journal.images(
            job_id, after, BATCH, states=(ImageState.FAILED, ImageState.NOT_DONE)
        ):
            after = page[-1].filename
            for record in page:
                name = original(record.filename)
                if record.filename.endswith("/"):  # a folder that could not be listed then
                    yield from eligible_files(self._tree, on_folder_error, name)
                else:
                    yield name


def open_worklist(
    spec: JobSpec, tree: SourceTree, journal: Journal, lists: NameLists, *, is_resumed: bool
) -> Worklist:
    """The images of a job, checked as a whole; reads the job's list of names, when it has one.

    Of a job that begins, keep_list() or drop_list() must follow.

    Raises:
        InvalidRequest: they cannot be told, or two of them would share a result.
    """
    listed, files_from = None, spec.selection.files_from
    if files_from:
        listed = lists.of(spec.job_id) if is_resumed else lists.draft(listed_names(files_from, tree))
    elif spec.selection.limit is not None and not spec.retry_of:
        # A later run takes the same ones, though the directory may have changed.
        listed = lists.of(spec.job_id) if is_resumed else lists.draft(_first_names(spec.selection, tree))
    try:
        worklist = Worklist(spec, tree, journal, listed, is_resumed=is_resumed)
        worklist.check_results()
    except BaseException:
        if listed is not None and not is_resumed:
            listed.remove()
        raise
    return worklist


def _first_names(selection: Selection, tree: SourceTree) -> Iterator[str]:
    def refuse(folder: str, error: OSError) -> None:
        raise InvalidRequest(
            f"{tree.source / folder} cannot be listed ({error.strerror}), so that nobody knows the first "
            f"{selection.limit} images; mend that, or leave it out with --exclude '/{folder}'"
        )

    return Choice(selection, tree).found(refuse)


def _size_and_time(path: os.PathLike[str]) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - half the cost of Path.stat, once for each of millions
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
