import os
import socket
from pathlib import Path

import pytest

from pixfarm.errors import FailureCode, InvalidRequest, TaskFailed
from pixfarm.listing import SourceTree, check_apart, eligible_files, source_tree

HERE = socket.gethostname()


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def fail(folder: str, error: OSError) -> None:
    pytest.fail(f"{folder!r} could not be listed: {error}")


def listed(base: Path) -> list[str]:
    return sorted(eligible_files(source_tree(str(base)), fail))


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a.jpeg",
        "a.png",
        "a.bmp",
        "a.tif",
        "a.tiff",
        "a.webp",
        "A.JPG",
        "a.WebP",
        "a.b.jpg",
        "a .png",
    ],
)
def test_a_file_with_the_extension_of_an_image_is_eligible(tmp_path: Path, name: str) -> None:
    assert listed(make(tmp_path, name)) == [name]


@pytest.mark.parametrize(
    "name",
    ["a.gif", "a.txt", "jpg", "ajpg", "a.jpg.part", "a.jpg~", "a.jpg ", ".jpg", ".a.jpg", ".git/a.jpg"],
)
def test_any_other_file_is_not_eligible(tmp_path: Path, name: str) -> None:
    assert listed(make(tmp_path, name)) == []


def test_images_are_found_at_any_depth(tmp_path: Path) -> None:
    names = ["a.jpg", "b/c.png", "b/d/e/f/g.bmp", "z.jpg/h.tif"]
    assert listed(make(tmp_path, *names)) == names


def test_nothing_below_a_hidden_folder_is_eligible(tmp_path: Path) -> None:
    assert listed(make(tmp_path, ".cache/b/a.jpg", "b/.cache/a.jpg", "b/a.jpg")) == ["b/a.jpg"]


@pytest.mark.parametrize(
    "name", ["with blank.jpg", "Größe/写真.png", "line\nbreak.jpg", "back\\slash.jpg", "-rf.jpg", "a;b.jpg"]
)
def test_a_name_is_told_as_it_is(tmp_path: Path, name: str) -> None:
    assert listed(make(tmp_path, name)) == [name]


def test_a_name_that_is_not_utf_8_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.jpg")).touch()
    assert listed(tmp_path) == ["\udcff.jpg"]


def test_results_of_an_earlier_run_are_no_sources(tmp_path: Path) -> None:
    assert listed(make(tmp_path, "a.jpg", "output_dir/a.jpg", "output_dir/b/c.jpg")) == ["a.jpg"]


def test_results_of_a_run_over_input_dir_itself_are_no_sources(tmp_path: Path) -> None:
    assert listed(make(tmp_path, "input_dir/a.jpg", "input_dir/output_dir/a.jpg")) == ["a.jpg"]


def test_a_folder_further_down_that_is_called_output_dir_is_a_source(tmp_path: Path) -> None:
    assert listed(make(tmp_path, "input_dir/b/output_dir/c.jpg")) == ["b/output_dir/c.jpg"]


def test_beside_input_dir_nothing_is_eligible(tmp_path: Path) -> None:
    assert listed(make(tmp_path, "a.jpg", "b/a.jpg", "input_dir/c.jpg")) == ["c.jpg"]


def test_an_empty_directory_has_no_images(tmp_path: Path) -> None:
    assert listed(tmp_path) == []


def test_a_link_to_an_image_is_followed(tmp_path: Path) -> None:
    make(tmp_path, "elsewhere/a.jpg", "base/real.jpg")
    (tmp_path / "base/link.jpg").symlink_to(tmp_path / "elsewhere/a.jpg")
    assert listed(tmp_path / "base") == ["link.jpg", "real.jpg"]


@pytest.mark.parametrize("name", ["link", "link.jpg"])
def test_a_link_to_a_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    make(tmp_path, "elsewhere/a.jpg", "base/real.jpg")
    (tmp_path / "base" / name).symlink_to(tmp_path / "elsewhere")
    assert listed(tmp_path / "base") == ["real.jpg"]


def test_a_link_to_nothing_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    assert listed(tmp_path) == []


def test_a_link_to_itself_is_left_to_a_node_to_complain_of_and_hides_no_other_image(tmp_path: Path) -> None:
    names = [f"{i:02}.jpg" for i in range(20)]
    make(tmp_path, *names)
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert listed(tmp_path) == [*names, "loop.jpg"]


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    assert listed(tmp_path) == []


def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_is_listed(tmp_path: Path) -> None:
    # A loop of links cannot be listed by anyone, not even by root.
    make(tmp_path, "a.jpg")
    (tmp_path / "loop").symlink_to("loop")
    told: list[tuple[str, OSError]] = []
    tree = SourceTree(tmp_path, tmp_path / "loop", tmp_path / "output_dir")
    assert list(eligible_files(tree, lambda folder, error: told.append((folder, error)))) == []
    assert [folder for folder, _ in told] == [""]


def test_a_folder_that_vanishes_while_others_are_listed_is_told(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "gone/b.jpg")
    told: list[str] = []
    names = eligible_files(source_tree(str(tmp_path)), lambda folder, _error: told.append(folder))
    first = next(names)
    (tmp_path / "gone/b.jpg").unlink()
    (tmp_path / "gone").rmdir()
    assert [first, *names] == ["a.jpg"]
    assert told == ["gone/"]


def test_the_listing_starts_before_it_has_seen_everything(tmp_path: Path) -> None:
    names = eligible_files(source_tree(str(make(tmp_path, "a.jpg"))), fail)
    make(tmp_path, "b/late.jpg")
    assert sorted(names) == ["a.jpg", "b/late.jpg"]


@pytest.mark.parametrize(
    ("below", "names"),
    [
        ("", ["a.jpg", "b/c.jpg", "b/d/e.jpg", "b/output_dir/f.jpg", "bb/g.jpg"]),
        ("b/", ["b/c.jpg", "b/d/e.jpg", "b/output_dir/f.jpg"]),
        ("b/d/", ["b/d/e.jpg"]),
    ],
)
def test_a_single_folder_can_be_listed_with_those_below_it(
    tmp_path: Path, below: str, names: list[str]
) -> None:
    make(tmp_path, "a.jpg", "b/c.jpg", "b/d/e.jpg", "b/output_dir/f.jpg", "bb/g.jpg", "output_dir/h.jpg")
    assert sorted(eligible_files(source_tree(str(tmp_path)), fail, below)) == names


def test_a_single_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    names = eligible_files(source_tree(str(tmp_path)), lambda folder, _error: told.append(folder), "gone/")
    assert (list(names), told) == ([], ["gone/"])


def test_input_dir_is_the_source_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "input_dir").mkdir()
    assert source_tree(str(tmp_path)) == SourceTree(tmp_path, tmp_path / "input_dir", tmp_path / "output_dir")


def test_the_base_path_is_the_source_where_input_dir_is_no_directory(tmp_path: Path) -> None:
    make(tmp_path, "input_dir")
    assert source_tree(str(tmp_path)) == SourceTree(tmp_path, tmp_path, tmp_path / "output_dir")


@pytest.mark.parametrize(
    ("base_path", "hint"),
    [
        ("data", "is not absolute; write it from / on"),
        ("", "is not absolute"),
        ("~/data", "is not absolute"),
        ("/tmp\0", "is not absolute"),
        ("/no/such/place", f"does not exist on {HERE}"),
        ("/dev/null", f"is not a directory on {HERE}"),
        ("/dev/null/data", f"does not exist on {HERE}"),
        (f"/{'x' * 300}", "cannot be read: File name too long"),
        ("/\ud800", f"does not exist on {HERE}"),
    ],
    ids=["relative", "empty", "home", "NUL", "missing", "file", "below a file", "too long", "no text"],
)
def test_a_base_path_that_cannot_be_used_is_told_why(base_path: str, hint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        source_tree(base_path)
    assert hint in str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "b/c/a.jpg", "a..b.jpg", "..a.jpg", "a b\n.jpg"])
def test_a_result_stands_where_its_source_stands(tmp_path: Path, name: str) -> None:
    (tmp_path / "input_dir").mkdir()
    tree = source_tree(str(tmp_path))
    assert tree.source_of(name) == tmp_path / "input_dir" / name
    assert tree.target_of(name) == tmp_path / "output_dir" / name


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../a.jpg",
        "b/../../a.jpg",
        "/etc/a.jpg",
        "",
        "b//a.jpg",
        "b/",
        "./a.jpg",
        "b/./a.jpg",
        "a\0.jpg",
    ],
)
def test_a_name_that_could_leave_its_directory_is_forbidden(tmp_path: Path, name: str) -> None:
    tree = source_tree(str(tmp_path))
    for path_of in (tree.source_of, tree.target_of):
        with pytest.raises(TaskFailed) as caught:
            path_of(name)
        assert caught.value.code is FailureCode.FORBIDDEN


def test_results_go_where_a_job_says(tmp_path: Path) -> None:
    tree = source_tree(str(tmp_path), output_dir="/elsewhere/web")
    assert tree.target_of("b/a.webp") == Path("/elsewhere/web/b/a.webp")
    assert tree.source_of("b/a.jpg") == tmp_path / "b" / "a.jpg"


@pytest.mark.parametrize("directory", ["web", "./web", "~/web", "/web\0"])
def test_a_directory_of_results_must_be_absolute(tmp_path: Path, directory: str) -> None:
    with pytest.raises(InvalidRequest, match=r"output directory .* is not absolute"):
        source_tree(str(tmp_path), output_dir=directory)


@pytest.mark.parametrize(
    ("source_dir", "where"), [("", "."), ("input_dir", "input_dir"), (None, "input_dir")]
)
def test_a_job_says_where_its_sources_are_even_when_that_changes(
    tmp_path: Path, source_dir: str | None, where: str
) -> None:
    (tmp_path / "input_dir").mkdir()
    tree = source_tree(str(tmp_path), source_dir)
    assert tree.source_of("a.jpg") == tmp_path / where / "a.jpg"
    assert tree.target_of("a.jpg") == tmp_path / "output_dir" / "a.jpg"
    assert tree.source_dir == ("" if where == "." else where)


@pytest.mark.parametrize("folders", [["input_dir"], ["input_dir", "output_dir"], [], ["output_dir"]])
def test_results_beside_or_in_a_folder_of_their_own_below_the_sources_are_apart(
    tmp_path: Path, folders: list[str]
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    check_apart(source_tree(str(tmp_path)))


def test_results_may_go_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "base" / "input_dir").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "base" / "output_dir").symlink_to(tmp_path / "elsewhere")
    check_apart(source_tree(str(tmp_path / "base")))


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("output_dir", "input_dir"),
        ("output_dir", "input_dir/sub"),
        ("output_dir", "."),
        ("output_dir", ".."),
        ("input_dir", "output_dir"),
        ("input_dir", "output_dir/sub"),
    ],
)
def test_results_that_would_mix_with_the_originals_are_refused(
    tmp_path: Path, link: str, leads_to: str
) -> None:
    base = tmp_path / "base"
    (base / leads_to).mkdir(parents=True, exist_ok=True)
    (base / "input_dir" / "sub").mkdir(parents=True, exist_ok=True) if link == "output_dir" else None
    (base / link).symlink_to(base / leads_to)
    with pytest.raises(InvalidRequest, match="results would mix with the originals"):
        check_apart(source_tree(str(base)))


def test_without_input_dir_results_may_not_go_among_the_originals_either(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "output_dir").symlink_to(tmp_path / "sub")
    with pytest.raises(InvalidRequest, match="results would mix with the originals"):
        check_apart(source_tree(str(tmp_path)))


@pytest.mark.parametrize("output", ["input_dir", "input_dir/web", ".", "..", "missing/../input_dir/web"])
def test_an_output_directory_among_the_originals_or_above_is_refused(tmp_path: Path, output: str) -> None:
    base = tmp_path / "base"
    (base / "input_dir").mkdir(parents=True)
    with pytest.raises(InvalidRequest, match="choose an output directory that neither"):
        check_apart(source_tree(str(base), output_dir=str(base / output)))


@pytest.mark.parametrize("output", ["base/web", "elsewhere", "base/input_dir_2", "base/output_dir"])
def test_an_output_directory_apart_from_the_originals_need_not_be_there(tmp_path: Path, output: str) -> None:
    (tmp_path / "base" / "input_dir").mkdir(parents=True)
    check_apart(source_tree(str(tmp_path / "base"), output_dir=str(tmp_path / output)))


def test_a_link_that_leads_an_output_directory_to_the_originals_is_told(tmp_path: Path) -> None:
    (tmp_path / "base" / "input_dir").mkdir(parents=True)
    (tmp_path / "web").symlink_to(tmp_path / "base" / "input_dir")
    with pytest.raises(InvalidRequest, match=r"web leads to .*/base/input_dir, where results would mix"):
        check_apart(source_tree(str(tmp_path / "base"), output_dir=str(tmp_path / "web")))
