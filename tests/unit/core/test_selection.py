import pytest

from pixfarm.errors import InvalidRequest
from pixfarm.request import Selection
from pixfarm.selection import Patterns

NAMES = ("a.jpg", "a.png", "b/a.jpg", "b/c/a.jpg", "b/c/d.png", "bb/a.jpg")


def chosen(include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
    patterns = Patterns(Selection(include, exclude))
    return [name for name in NAMES if patterns.choose(name)]


@pytest.mark.parametrize(
    ("include", "names"),
    [
        ((), list(NAMES)),
        (("*.png",), ["a.png", "b/c/d.png"]),
        (("/*.jpg",), ["a.jpg"]),
        (("/a.jpg",), ["a.jpg"]),
        (("b/",), ["b/a.jpg", "b/c/a.jpg", "b/c/d.png"]),
        (("b",), ["b/a.jpg", "b/c/a.jpg", "b/c/d.png"]),
        (("b/*.jpg",), ["b/a.jpg"]),
        (("b/**/a.jpg",), ["b/a.jpg", "b/c/a.jpg"]),
        (("[a-c]*.png", "bb/"), ["a.png", "bb/a.jpg"]),
        (("*.jpg", "!b/c/*"), ["a.jpg", "b/a.jpg", "bb/a.jpg"]),
        (("*.JPG",), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_names_are_included_as_git_ignores_them(include: tuple[str, ...], names: list[str]) -> None:
    assert chosen(include) == names


def test_what_is_excluded_is_left_out_of_what_is_included() -> None:
    assert chosen(("*.jpg",), ("b/c/", "bb/*")) == ["a.jpg", "b/a.jpg"]
    assert chosen((), ("*.jpg",)) == ["a.png", "b/c/d.png"]


@pytest.mark.parametrize("name", ["a\nb.jpg", "\udcff.jpg", "b/back\\slash.jpg", "ü.jpg", ".jpg"])
def test_a_strange_name_is_matched_as_it_is(name: str) -> None:
    assert Patterns(Selection(("*.jpg",))).choose(name)
    assert not Patterns(Selection((), ("*.jpg",))).choose(name)


def test_a_folder_is_left_out_when_all_in_it_is() -> None:
    patterns = Patterns(Selection((), ("old/", "*.tif")))
    assert patterns.leave_out("old/")
    assert patterns.leave_out("2026/old/")
    assert not patterns.leave_out("older/")
    assert not patterns.leave_out("")


@pytest.mark.parametrize("what", ["include", "exclude"])
@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "matches nothing"),
        ("  ", "matches nothing"),
        ("/", "matches nothing"),
        ("[ab", "matches nothing"),
        ("a\\", "matches nothing"),
        ("[z-a].jpg", "matches nothing"),
        ("#a", "would be a comment; write \\#"),
        ("!a", "takes back what patterns before it chose; there are none; write \\!"),
        ("[[:alpha:]].jpg", "has a set of characters that is not plain"),
        ("[a--b].jpg", "has a set of characters that is not plain"),
        ("***.jpg", "has more than two * in a row"),
        ("x" * 1001, "is longer than 1,000 characters"),
    ],
    ids=["empty", "blank", "root", "open set", "lone backslash", "backwards", "comment", "negation",
         "class", "difference", "stars", "long"],
)  # fmt: skip
def test_a_pattern_that_cannot_be_meant_is_refused_by_name(what: str, pattern: str, words: str) -> None:
    given = (pattern,) if pattern.startswith("!") else ("*.jpg", pattern)
    with pytest.raises(InvalidRequest) as caught:
        Patterns(Selection(include=given) if what == "include" else Selection(exclude=given))
    assert f"--{what} {pattern!r}: " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "name"), [("\\#a.jpg", "#a.jpg"), ("\\!a.jpg", "!a.jpg"), ("\\[a[bc].jpg", "[ab.jpg")]
)
def test_a_special_character_is_itself_behind_a_backslash(pattern: str, name: str) -> None:
    assert Patterns(Selection((pattern,))).choose(name)


def test_there_is_an_end_to_the_number_of_patterns() -> None:
    with pytest.raises(InvalidRequest, match="1,001 --include patterns are too many"):
        Patterns(Selection(tuple(f"{i}.jpg" for i in range(1001))))


@pytest.mark.parametrize(
    "pattern", ["*a" * 20 + "*b", "*?" * 20 + "b", "**/" + "*a" * 12 + "b/*c", "*[ab]" * 20 + "*b"]
)
def test_many_stars_take_no_longer_than_a_few(pattern: str) -> None:
    # To try all places of 20 stars in 240 characters would take longer than anybody waits.
    assert not Patterns(Selection(include=(pattern,))).choose("a" * 240 + ".jpg")


@pytest.mark.parametrize(
    ("pattern", "name", "is_chosen"),
    [
        ("*a*b*.jpg", "xaxbx.jpg", True),
        ("*a*b*.jpg", "xbxax.jpg", False),
        ("a*a*a", "aaa", True),
        ("a*a*a", "aa", False),
        ("*ab*ab", "ababab", True),
        ("*.j*pg", "x.jpeg.jpg", True),
        ("x*/*y*z", "xa/1y2z", True),
    ],
)
def test_stars_take_what_they_must(pattern: str, name: str, is_chosen: bool) -> None:  # noqa: FBT001 - a table
    assert Patterns(Selection(include=(pattern,))).choose(name) is is_chosen
