import itertools

import pytest

from pixfarm.journal import Counted, Journal, Provenance
from pixfarm.journal import journal as journal_module
from pixfarm.model import ImageRecord, ImageState
from tests.integration.journal.journal_parts import BASE, ORIGIN, begin, image, names, note, nothing

STRANGE = [
    "a\nb.jpg",
    "a\tb\r.jpg",
    "a'b''c.jpg",
    'a"b\\.jpg',
    "a%_?*[b].jpg",
    "[1, 2].jpg",
    '{"a": 1}.jpg',
    "12345",
    "1e5",
    " a .jpg",
    "\x01\x1f\x7f.jpg",
    "Ünïcödé.jpg",
    "u\N{COMBINING DIAERESIS}.jpg",
    "\N{LATIN SMALL LETTER U WITH DIAERESIS}.jpg",
    "照片/猫.jpg",
    "😀.jpg",
    "\ufeff\u2028.jpg",
    "/".join(["d" * 255] * 15) + "/" + "f" * 250 + ".jpg",
]
DONE, FAILED, NOT_DONE, SKIPPED = (
    ImageState.DONE,
    ImageState.FAILED,
    ImageState.NOT_DONE,
    ImageState.SKIPPED,
)


def test_an_image_comes_back_as_it_was_recorded(journal: Journal) -> None:
    records = [
        ImageRecord(
            filename="a.jpg", state=DONE, node="node_2", attempts=3, refusals=1000, seconds=0.1 + 0.2,
            bytes_written=2**40, flags=("clipped", "outlier"), width_px=2**31 - 1, height_px=1,
        ),
        ImageRecord(filename="b.jpg", state=FAILED, node="n", attempts=2, code="CRASHED", message="ö\n'"),
        ImageRecord(filename="c.jpg", state=NOT_DONE, code="CANCELLED", message="not done"),
        ImageRecord(filename="d.jpg", state=SKIPPED),
    ]  # fmt: skip
    for record in records:
        journal.record("job-1", record, None, nothing)
    journal.flush()
    assert journal.images("job-1", "", 10) == records


@pytest.mark.parametrize("name", STRANGE, ids=range(len(STRANGE)))
def test_strange_names_are_names_like_others(journal: Journal, name: str) -> None:
    note(journal, "job-1", [name])
    assert names(journal.images("job-1", "", 10)) == [name]
    assert journal.ended("job-1", [name, name + "x"]) == {name}
    assert journal.last_done(BASE, ORIGIN.pipeline, [name, name + "x"]) == {name: ORIGIN}


def test_strange_names_are_all_different(journal: Journal) -> None:
    note(journal, "job-1", STRANGE)
    assert names(journal.images("job-1", "", 100)) == sorted(STRANGE, key=str.encode)
    assert journal.ended("job-1", STRANGE) == set(STRANGE)


@pytest.mark.parametrize("field", ["filename", "message", "node", "code", "flags"])
def test_what_is_no_unicode_is_refused_at_once_and_stops_nothing(journal: Journal, field: str) -> None:
    values = {"filename": "a.jpg", "state": FAILED, field: ("\udcff",) if field == "flags" else "\udcff"}
    bad = ImageRecord(**values)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        journal.record("job-1", bad, None, nothing)
    with pytest.raises(UnicodeEncodeError):
        journal.record("job-1", image("a.jpg"), Provenance(1, 2, 3, 4, "\udcff"), nothing)
    note(journal, "job-1", ["b.jpg"])
    assert names(journal.images("job-1", "", 10)) == ["b.jpg"]


def test_the_later_row_of_an_image_replaces_the_first_in_one_batch_and_in_two(journal: Journal) -> None:
    for state in (NOT_DONE, DONE):
        journal.record("job-1", image("a.jpg", state), ORIGIN if state is DONE else None, nothing)
    note(journal, "job-1", ["b.jpg"], NOT_DONE, None)
    note(journal, "job-1", ["b.jpg"])
    assert journal.images("job-1", "", 10) == [image("a.jpg"), image("b.jpg")]
    assert journal.images("job-1", "", 10, [NOT_DONE]) == []
    assert journal.counted("job-1").not_done == 0
    note(journal, "job-1", ["a.jpg"], FAILED, None)
    assert names(journal.images("job-1", "", 10, [FAILED])) == ["a.jpg"]
    assert journal.last_done(BASE, ORIGIN.pipeline, ["a.jpg", "b.jpg"]) == {"b.jpg": ORIGIN}


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
@pytest.mark.parametrize(
    "states",
    [(), (FAILED,), (NOT_DONE, FAILED), (SKIPPED,), (DONE, FAILED)],
    ids=lambda states: " ".join(state.name for state in states) or "all",
)
def test_pages_have_every_image_once_in_the_order_of_bytes(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, limit: int, states: tuple[ImageState, ...]
) -> None:
    monkeypatch.setattr(journal_module, "_SPAN_ROWS", 3)
    begin(journal, "job-2", "job-3")
    begin(journal, "job-4", base_path="/elsewhere")
    wanted = []
    for number, state in zip(range(40), itertools.cycle(ImageState), strict=False):
        name = f"{number * 17 % 40:02}{'é' if number % 3 else 'z'}.jpg"
        note(journal, "job-2", [name], state)
        if number % 2:
            note(journal, "job-1", [name], FAILED)
            note(journal, "job-3", [name], DONE)
        note(journal, "job-4", [name], state)
        if not states or state in states:
            wanted.append(name)
    pages = []
    after = ""
    while page := journal.images("job-2", after, limit, states):
        assert len(page) <= limit
        pages += names(page)
        after = page[-1].filename
    assert pages == sorted(wanted, key=str.encode)


def test_a_page_may_begin_after_a_name_that_is_not_there(journal: Journal) -> None:
    note(journal, "job-1", ["a.jpg", "c.jpg"])
    assert names(journal.images("job-1", "b", 10)) == ["c.jpg"]
    assert journal.images("job-1", "c.jpg", 10) == []


def test_ended_are_all_but_those_not_done(journal: Journal) -> None:
    for state in ImageState:
        note(journal, "job-1", [state.name], state)
    asked = [*(state.name for state in ImageState), "never heard of"]
    assert journal.ended("job-1", asked) == {"DONE", "FAILED", "SKIPPED"}
    assert journal.ended("job-1", []) == set()


def test_what_other_jobs_did_is_not_ended_in_this_one(journal: Journal) -> None:
    begin(journal, "job-2")
    begin(journal, "job-3", base_path="/elsewhere")
    note(journal, "job-2", ["a.jpg"])
    note(journal, "job-3", ["a.jpg"])
    assert journal.ended("job-1", ["a.jpg"]) == set()


def test_last_done_is_of_the_latest_job_on_that_base_path_that_did_the_image(journal: Journal) -> None:
    begin(journal, "job-2", "job-3")
    begin(journal, "job-4", base_path="/elsewhere")
    first, second, other = (Provenance(size, 2**62, size, 4, "edges 1") for size in (1, 2, 3))
    note(journal, "job-1", ["both", "first", "failed later"], origin=first)
    note(journal, "job-2", ["both"], origin=second)
    note(journal, "job-2", ["failed later"], FAILED, None)
    note(journal, "job-3", ["both", "first"], SKIPPED, None)
    note(journal, "job-4", ["both", "elsewhere"], origin=other)
    asked = ["both", "first", "failed later", "elsewhere", "never"]
    done = journal.last_done(BASE, "edges 1", asked)
    assert done == {"both": second, "first": first, "failed later": first}
    assert journal.last_done("/elsewhere", "edges 1", asked) == {"both": other, "elsewhere": other}
    assert journal.last_done("/nowhere", "edges 1", asked) == {}
    assert journal.last_done(BASE, ORIGIN.pipeline, []) == {}


def test_what_later_jobs_did_by_another_recipe_hides_nothing(journal: Journal) -> None:
    begin(journal, "job-2", "job-3")
    thumbnail = Provenance(1, 2, 3, 4, "resize/2")
    note(journal, "job-1", ["a.jpg"])
    note(journal, "job-2", ["a.jpg"], origin=thumbnail)
    note(journal, "job-3", ["a.jpg"], origin=None)
    assert journal.last_done(BASE, ORIGIN.pipeline, ["a.jpg"]) == {"a.jpg": ORIGIN}
    assert journal.last_done(BASE, "resize/2", ["a.jpg"]) == {"a.jpg": thumbnail}
    assert journal.last_done(BASE, "never", ["a.jpg"]) == {}


def test_images_are_counted_from_their_rows(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_SPAN_ROWS", 3)
    begin(journal, "job-2")
    assert journal.counted("job-1") == Counted(0, 0, 0, 0, {})
    for number in range(20):
        state = list(ImageState)[number % 4]
        journal.record("job-1", image(f"{number}.jpg", state, f"node_{number % 8}"), None, nothing)
        journal.record("job-2", image(f"{number}.jpg"), None, nothing)
    journal.flush()
    assert journal.counted("job-1") == Counted(
        done=5, failed=5, not_done=5, skipped=5, nodes={"node_0": (3, 1.5), "node_4": (2, 1.0)}
    )


def test_many_nodes_and_pipelines_are_kept_apart(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.journal.transaction._MAX_TEXTS", 10)
    for number in range(100):
        origin = Provenance(1, 2, 3, 4, f"edges {number}")
        journal.record("job-1", image(f"{number:02}.jpg", node=f"node_{number}"), origin, nothing)
    journal.flush()
    assert [record.node for record in journal.images("job-1", "", 100)] == [f"node_{n}" for n in range(100)]
    asked = [f"{number:02}.jpg" for number in range(100)]
    for number, name in enumerate(asked):
        assert journal.last_done(BASE, f"edges {number}", asked).keys() == {name}
