"""Which of the files below a source directory a selection chooses."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import compress, islice

from pixfarm.listing import SourceTree, eligible_files
from pixfarm.request import Selection
from pixfarm.selection import Patterns

BATCH = 256
# Looking at a file on a file server takes a millisecond or so of waiting, not of work.
LOOKERS = 8


class Choice:
    """Chooses names; streams.

    Args:
        selection: says which.
        tree: where they are.

    Raises:
        InvalidRequest: one of its patterns is none.
    """

    def __init__(self, selection: Selection, tree: SourceTree) -> None:
        self._selection = selection
        self._tree = tree
        self._patterns = Patterns(selection)

    def found(self, on_folder_error: Callable[[str, OSError], None]) -> Iterator[str]:
        """Those of the eligible files, in the directory's own order.

        Args:
            on_folder_error: told the relative name of each folder that cannot be listed.
        """

        def tell(folder: str, error: OSError) -> None:
            if not self._patterns.leave_out(folder):
                on_folder_error(folder, error)

        return self.of(eligible_files(self._tree, tell))

    def of(self, names: Iterator[str]) -> Iterator[str]:
        """Those of the names."""
        chosen = filter(self._patterns.choose, names)
        newest = chosen if self._selection.newer_than is None else self._newer(chosen)
        return islice(newest, self._selection.limit)

    def _newer(self, names: Iterator[str]) -> Iterator[str]:
        with ThreadPoolExecutor(LOOKERS, thread_name_prefix="look") as lookers:
            while batch := list(islice(names, BATCH)):
                are_new = list(lookers.map(self._is_new, batch))
                yield from compress(batch, are_new)

    def _is_new(self, name: str) -> bool:
        newer_than = self._selection.newer_than
        assert newer_than is not None
        try:
            return os.stat(self._tree.source / name).st_mtime > newer_than  # noqa: PTH116 - half of Path.stat
        except OSError:  # the node that reads it says what is wrong
            return True
