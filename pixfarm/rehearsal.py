"""A job as it would be, looked at from here: its images by a dry run, some of them done as a proof."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pixfarm.choice import Choice
from pixfarm.collisions import refuse_collisions
from pixfarm.errors import InvalidRequest
from pixfarm.list_file import listed_names
from pixfarm.listing import SourceTree, check_apart, source_tree
from pixfarm.model import JobSpec
from pixfarm.naming import Naming
from pixfarm.preview import DryRun, Sampler, SourceFile, Survey, dry_run, take_survey
from pixfarm.recipes import checked
from pixfarm.request import Output, Selection

_FOLDER = "proofs"
# The same images each time: who changes the recipe wants to see what that changes.
_SEED = 1


class Rehearsal:
    """One job that is not submitted, or not yet.

    Args:
        spec: the job.

    Raises:
        InvalidRequest: the server would refuse it, or its images cannot be seen from here.
    """

    def __init__(self, spec: JobSpec) -> None:
        self.spec = replace(spec, recipe=checked(spec.recipe))
        self.tree = _tree_seen_here(self.spec)
        check_apart(self.tree)
        self.naming = Naming(spec.output, self.spec.recipe)
        self._choice = Choice(spec.selection, self.tree)
        self.unlisted: list[str] = []
        if not self.naming.is_one_to_one:
            refuse_collisions(self.naming, self._names(), by_folder=not spec.selection.files_from)

    def dry_run(self) -> DryRun:
        """Looks at all images, and tries some in memory."""
        return dry_run(self.tree, self._names(), self.spec.recipe, random.Random(_SEED))

    def choose(self, number: int) -> tuple[Survey, list[SourceFile]]:
        """Looks at all images; returns what there is, and so many of them, as different as possible.

        Raises:
            InvalidRequest: there is none.
        """
        sampler = Sampler(number, random.Random(_SEED))
        survey = take_survey(self.tree.source, self._names(), sampler.add)
        if not survey.images:
            raise InvalidRequest(f"there is no image in {self.tree.source} to make a proof of")
        return survey, sampler.choose()

    def proof_spec(self, list_path: Path) -> JobSpec:
        """The job of the images in a list, with a folder of their own for the results."""
        folder = self.tree.target / _FOLDER / self.spec.job_id
        return replace(
            self.spec,
            selection=Selection(files_from=str(list_path)),
            output=Output(str(folder), self.spec.output.name),
            skip_done=False,
        )

    def _names(self) -> Iterator[str]:
        if self.spec.selection.files_from:
            return self._choice.of(listed_names(self.spec.selection.files_from, self.tree))
        self.unlisted.clear()
        return self._choice.found(lambda folder, _error: self.unlisted.append(folder or "./"))


def _tree_seen_here(spec: JobSpec) -> SourceTree:
    try:
        return source_tree(spec.base_path, output_dir=spec.output.directory)
    except InvalidRequest as error:
        raise InvalidRequest(f"{error}; run it where the images can be seen") from error
