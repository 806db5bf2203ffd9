from dataclasses import replace
from pathlib import Path

from pixfarm.history import History
from pixfarm.model import ImageState, JobState
from pixfarm.phases import Phases
from pixfarm.progress import Before
from pixfarm.recipe import Recipe
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.fake_nodes import doing, in_turn, refusing
from tests.unit.core.farm_parts import as_journal, fill, fleet_of
from tests.unit.core.job_rig import JobRig, counts

CHECKED = Recipe(check=True)
PHASES = Phases(reading=0.25, decoding=0.5, operations=(1.0,), encoding=2.0, writing=4.0)


def before(journal: FakeJournal) -> Before:
    """What a server that starts again goes on with."""
    journaled = journal.job("job-1")
    assert journaled is not None
    return History(as_journal(journal)).before(journaled)


def test_a_report_names_what_looks_wrong_in_itself_and_beside_the_others(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 12), recipe=CHECKED)
    rig.nodes.flags = {"img_0003.jpg": ("uniform", "clipped")}
    rig.nodes.heights_px = {"img_0003.jpg": 10, "img_0007.jpg": 1, "img_0008.jpg": 9}
    report = rig.run()
    looks = {"img_0003.jpg": ("uniform", "clipped", "outlier")}
    assert {record.filename: record.flags for record in report.flags} == looks
    assert (counts(report), report.flagged, report.state) == ((12, 12, 0, 0), 1, JobState.FINISHED)
    assert rig.journal.saved[-1].flagged == 1
    later = History(as_journal(rig.journal)).report("job-1")
    assert {record.filename: record.flags for record in later.flags} == looks


def test_a_job_that_was_not_to_be_checked_has_no_outliers(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 12))
    rig.nodes.heights_px = {"img_0003.jpg": 10}
    assert rig.run().flagged == 0


def test_a_resumed_job_goes_on_with_flags_and_times_and_finds_outliers_at_its_end(tmp_path: Path) -> None:
    stops = in_turn(*[doing] * 4, *[refusing(1.0)] * 100)
    first = JobRig(fill(tmp_path, 30), stops, fleet=fleet_of(0.9), recipe=CHECKED)
    first.nodes.phases = PHASES
    first.nodes.flags = {f"img_{number:04}.jpg": ("clipped",) for number in range(30)}
    assert (first.run().state, first.job.report().flagged) == (JobState.GAVE_UP, 4)
    odd = next(name for name, state in first.journal.states().items() if state is ImageState.NOT_DONE)
    second = JobRig(tmp_path, journal=first.journal, before=before(first.journal), recipe=CHECKED)
    second.nodes.phases = PHASES
    second.nodes.heights_px = {odd: 100}
    report = second.run()
    assert sorted(record.flags for record in report.flags) == [("clipped",)] * 4 + [("outlier",)]
    assert (report.flagged, report.flags[-1].filename) == (5, odd)
    assert sum(node.phases.writing for node in report.nodes) == 30 * PHASES.writing


def test_what_a_killed_server_had_not_saved_of_flags_is_counted_from_the_journal(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 12), recipe=CHECKED)
    rig.nodes.flags = {"img_0003.jpg": ("uniform",)}
    rig.run()
    rig.journal.save(replace(rig.job.summary(), state=JobState.RUNNING, done=0, flagged=0))
    known = before(rig.journal)
    assert (known.summary.done, known.summary.flagged) == (12, 1)
    assert [record.filename for record in known.flags] == ["img_0003.jpg"]
