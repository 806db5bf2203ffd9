from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.errors import InvalidRequest
from pixfarm.name_lists import NameLists

NAMES = ["a.jpg", "b\nc.jpg", "\udcff.jpg", "b/c.jpg"]


@pytest.fixture
def lists(tmp_path: Path) -> NameLists:
    return NameLists(tmp_path / "lists")


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "lists").iterdir())


def test_a_list_that_was_kept_is_found_by_its_job(lists: NameLists, tmp_path: Path) -> None:
    draft = lists.draft(NAMES)
    assert list(draft.names()) == NAMES
    draft.keep("job-1")
    assert list(draft.names()) == NAMES
    assert list(NameLists(tmp_path / "lists").of("job-1").names()) == NAMES


def test_a_list_that_was_removed_leaves_nothing(lists: NameLists, tmp_path: Path) -> None:
    for has_begun in (False, True):
        draft = lists.draft(NAMES)
        if has_begun:
            draft.keep("job-1")
        draft.remove()
        draft.remove()
        assert files(tmp_path) == []


def test_a_list_with_a_wrong_name_in_it_leaves_nothing(lists: NameLists, tmp_path: Path) -> None:
    def names() -> Iterator[str]:
        yield "a.jpg"
        raise InvalidRequest("list.txt:2: no")

    with pytest.raises(InvalidRequest, match=r"list\.txt:2"):
        lists.draft(names())
    assert files(tmp_path) == []


def test_a_list_that_is_gone_is_told(lists: NameLists) -> None:
    with pytest.raises(InvalidRequest, match="the list of names of job job-1 is gone from"):
        lists.of("job-1")


def test_a_list_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "lists").write_text("in the way")
    with pytest.raises(InvalidRequest, match="the server cannot keep the list of names in"):
        NameLists(tmp_path / "lists").draft(NAMES)


def test_only_lists_that_are_wanted_outlive_a_server(lists: NameLists, tmp_path: Path) -> None:
    for job_id in ("job-1", "job-2"):
        lists.draft(NAMES).keep(job_id)
    lists.draft(NAMES)
    lists.clean(lambda job_id: job_id == "job-2")
    assert files(tmp_path) == ["job-2"]


def test_where_there_never_was_a_list_nothing_is_cleaned(lists: NameLists) -> None:
    lists.clean(lambda _job_id: False)
