"""A proof: some images of a job, done by the farm, and what they tell of all of them."""

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pixfarm import imaging
from pixfarm.console import text
from pixfarm.console.previews import prediction_facts, usable_workers
from pixfarm.errors import PixfarmError
from pixfarm.listing import source_tree
from pixfarm.model import ImageRecord, ImageState, JobReport, JobSpec, NodeCounts, NodeStatus
from pixfarm.names import shown
from pixfarm.preview import Measured, Pair, Prediction, Sheet, Side, SourceFile, Survey, free_bytes, predict
from pixfarm.rehearsal import Rehearsal

_PICTURE_PX = 500


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it.

    Args:
        rehearsal: the whole job.
        spec: the job of the images that were done.
        survey: all images.
        files: those that were done, or failed.
        records: what came of each, by its name as text.
        report: of the job that did them.
    """

    rehearsal: Rehearsal
    spec: JobSpec
    survey: Survey
    files: Sequence[SourceFile]
    records: dict[str, ImageRecord]
    report: JobReport

    @property
    def sheet_path(self) -> Path:
        """Where the contact sheet is."""
        return Path(self.spec.output.directory) / "index.html"

    def measured(self) -> list[Measured]:
        """Those that were done; their seconds are of a worker, without the wait for one."""
        records = [self.records[shown(file.name)] for file in self.files]
        share = _share_of_work(self.report.nodes)
        return [
            Measured(file.kind, file.size_bytes, record.bytes_written, record.seconds * share)
            for file, record in zip(self.files, records, strict=True)
            if record.state is ImageState.DONE
        ]

    def prediction(self) -> Prediction | None:
        """For all images; None when none was done."""
        measured = self.measured()
        return predict(self.survey.kinds, measured) if measured else None

    def facts(self, nodes: Sequence[NodeStatus]) -> list[tuple[str, str]]:
        """Labels and values, in the order of interest."""
        images = f"{len(self.files)} of {text.counted(self.survey.images, 'image')}"
        facts = [("images", images), ("pipeline", str(self.spec.recipe))]
        prediction = self.prediction()
        if prediction is not None:
            seconds = [one.seconds for one in self.measured()]
            mean_s = sum(seconds) / len(seconds)
            spread = f"{text.short_time(min(seconds))} to {text.short_time(max(seconds))}"
            facts.append(("per image", f"{text.short_time(mean_s)} of a worker ({spread})"))
            free = free_bytes(self.rehearsal.tree.target)
            facts += prediction_facts(prediction, free, usable_workers(nodes), "for all")
        return facts

    def sheet(self, nodes: Sequence[NodeStatus]) -> Sheet:
        """The contact sheet."""
        title = f"Proof of {text.counted(len(self.files), 'image')} of {self.spec.base_path}"
        return Sheet(title, self.facts(nodes), [self._pair(file) for file in self.files])

    def document(self, nodes: Sequence[NodeStatus]) -> dict[str, object]:
        """The same for programs."""
        prediction = self.prediction()
        return {
            "job_id": self.spec.job_id,
            "sheet": str(self.sheet_path) if self.report.done else None,
            "results": self.spec.output.directory,
            "images": self.survey.images,
            "bytes": self.survey.bytes,
            "proofs": [
                {
                    "filename": record.filename,
                    "state": record.state.value,
                    "bytes_written": record.bytes_written,
                    "seconds": record.seconds,
                    "message": record.message,
                    "flags": list(record.flags),
                }
                for record in self.records.values()
            ],
            "predicted_bytes": None if prediction is None else round(prediction.result_bytes),
            "predicted_work_s": None if prediction is None else prediction.work_s,
            "workers": usable_workers(nodes),
        }

    def _pair(self, file: SourceFile) -> Pair:
        record = self.records[shown(file.name)]
        before = _side(self.rehearsal.tree.source / file.name, file.size_bytes)
        warning = ", ".join(f"looks {flag}" for flag in record.flags)
        if record.state is not ImageState.DONE:
            return Pair(shown(file.name), before, Side(f"{record.code}: {record.message}"), "not done")
        tree = source_tree(self.spec.base_path, output_dir=self.spec.output.directory)
        result = tree.target_of(self.rehearsal.naming.result_of(file.name))
        worked_s = record.seconds * _share_of_work(self.report.nodes)
        after = _side(result, record.bytes_written, f", {text.short_time(worked_s)}")
        return Pair(shown(file.name), before, after, warning)


def as_list(files: Iterable[SourceFile]) -> io.BytesIO:
    """The names of files as a list that a server reads."""
    return io.BytesIO(b"".join(b"./" + os.fsencode(file.name) + b"\0" for file in files))


def _side(path: Path, size_bytes: int, more: str = "") -> Side:
    try:
        picture = imaging.small_picture(path, _PICTURE_PX)
    except PixfarmError as error:
        return Side(f"{text.size(size_bytes)}; cannot be shown: {error}")
    return Side(
        f"{picture.width_px} x {picture.height_px} px, {text.size(size_bytes)}{more}", picture.content
    )


def _share_of_work(nodes: Sequence[NodeCounts]) -> float:
    """Of the seconds that calls took, those in which a worker was at work; 1 where nodes do not tell."""
    called_s = sum(node.mean_s * node.done for node in nodes)
    worked_s = sum(
        node.phases.reading
        + node.phases.decoding
        + sum(node.phases.operations)
        + node.phases.encoding
        + node.phases.writing
        for node in nodes
    )
    return worked_s / called_s if worked_s and called_s else 1.0
