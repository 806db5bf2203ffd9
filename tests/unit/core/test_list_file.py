import os
from pathlib import Path

import pytest

from pixfarm.errors import InvalidRequest
from pixfarm.list_file import listed_names
from pixfarm.listing import SourceTree, source_tree


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    (tmp_path / "base" / "input_dir").mkdir(parents=True)
    return source_tree(str(tmp_path / "base"))


def written(tree: SourceTree, content: bytes) -> Path:
    path = tree.base / "list.txt"
    path.write_bytes(content)
    return path


def names(tree: SourceTree, content: bytes) -> list[str]:
    return list(listed_names(str(written(tree, content)), tree))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", []),
        (b"a.jpg", ["a.jpg"]),
        (b"a.jpg\nb/c.png\n", ["a.jpg", "b/c.png"]),
        (b"\r\na.jpg\r\n\n\nb.jpg\r\n", ["a.jpg", "b.jpg"]),
        (b"\xef\xbb\xbfa.jpg\n", ["a.jpg"]),
        (b"a.jpg\0b\nc.jpg\0", ["a.jpg", "b\nc.jpg"]),
        (b"a.jpg\0 b.jpg\r\0\0", ["a.jpg", " b.jpg\r"]),
        (b" a.jpg \n", [" a.jpg "]),
        (b"./a.jpg\n././b/c.jpg\n", ["a.jpg", "b/c.jpg"]),
        (b"a.jpg\nb.jpg\na.jpg\n./b.jpg\n", ["a.jpg", "b.jpg"]),
        (b"a.gif\nnot there\n\xff.jpg\n", ["a.gif", "not there", "\udcff.jpg"]),
        (b"b/output_dir/c.jpg\n", ["b/output_dir/c.jpg"]),
    ],
    ids=["empty", "no end of line", "lines", "of Windows", "marked", "NUL", "NUL and line ends", "blanks",
         "of find", "twice", "of whatever kind", "output_dir below"],
)  # fmt: skip
def test_a_list_names_images_relative_to_the_sources(
    tree: SourceTree, content: bytes, wanted: list[str]
) -> None:
    assert names(tree, content) == wanted


def test_absolute_paths_may_be_of_the_directory_or_of_what_it_leads_to(
    tmp_path: Path, tree: SourceTree
) -> None:
    (link := tmp_path / "link").symlink_to(tree.base)
    content = os.fsencode(f"{link}/input_dir/a.jpg\n{tree.source}/b/c.jpg\n")
    assert list(listed_names(str(written(tree, content)), source_tree(str(link)))) == ["a.jpg", "b/c.jpg"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("../a.jpg", "is not the plain path of a file"),
        ("b/../../a.jpg", "is not the plain path of a file"),
        ("b//a.jpg", "is not the plain path of a file"),
        ("b/", "is not the plain path of a file"),
        ("/etc/passwd", "does not lie below"),
        ("b/.a.jpg", "is a hidden file"),
        ("output_dir/a.jpg", "is among the results"),
        ("input_dir/b/a.jpg", "write 'b/a.jpg'"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(tree: SourceTree, line: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        names(tree, f"a.jpg\n\n{line}\n".encode())
    assert str(caught.value).startswith(f"{tree.base}/list.txt:3: {line!r} ")
    assert words in str(caught.value)


def test_a_folder_of_sources_that_is_called_as_their_directory_is_no_mistake(tree: SourceTree) -> None:
    (tree.source / "input_dir").mkdir()
    assert names(tree, b"input_dir/a.jpg\n") == ["input_dir/a.jpg"]


def test_a_list_of_more_than_one_block_is_read_whole(tree: SourceTree) -> None:
    wanted = [f"{i:0200}.jpg" for i in range(12_000)]
    assert names(tree, "\n".join(wanted).encode()) == wanted


def test_a_list_in_utf_16_is_told(tree: SourceTree) -> None:
    with pytest.raises(InvalidRequest, match="is written in UTF-16; write it in UTF-8"):
        names(tree, "a.jpg\n".encode("utf-16"))


def test_a_list_that_is_too_large_is_refused_unread(tree: SourceTree) -> None:
    path = written(tree, b"")
    os.truncate(path, 256 * 2**20 + 1)
    with pytest.raises(InvalidRequest, match="has 268,435,457 bytes, and 256 MiB are allowed"):
        list(listed_names(str(path), tree))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("list.txt", "is not absolute"),
        ("/no/such/list.txt", "No such file or directory; it must lie where the server sees it, too"),
        ("/tmp", "is no file; write --files-from - for standard input"),
        ("/dev/stdin", "is no file"),
    ],
    ids=["relative", "missing", "folder", "device"],
)
def test_a_list_that_cannot_be_read_is_told_why(tree: SourceTree, path: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        list(listed_names(path if path != "/dev/stdin" else "/dev/null", tree))
