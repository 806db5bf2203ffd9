import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixfarm.names import original, shown

# Names as a directory holds them: any bytes but NUL; the source directory's own are relative.
NAMES = st.lists(
    st.sampled_from(
        [b"a", b"\\", b"x", b"ff", b"/", b"\xff", b"\xc3", b"\xa9", "é".encode(), b"\xed\xb3\xbf"]
    ),
    max_size=8,
).map(b"".join)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"a.jpg", "a.jpg"),
        ("写真.jpg".encode(), "写真.jpg"),
        (b"a\\xff.jpg", "a\\xff.jpg"),
        (b"a\xff.jpg", "./a\\xff.jpg"),
        (b"b\\\xff/a.jpg", "./b\\\\\\xff/a.jpg"),
        ("é".encode() + b"\xe9.jpg", "./é\\xe9.jpg"),
        (b"b\xff/", "./b\\xff/"),
    ],
)
def test_a_name_that_is_not_utf_8_is_written_byte_by_byte_and_any_other_is_itself(
    name: bytes, text: str
) -> None:
    assert shown(os.fsdecode(name)) == text
    assert os.fsencode(original(text)) == name


@given(NAMES)
def test_every_name_can_be_had_back_from_its_text(name: bytes) -> None:
    text = shown(os.fsdecode(name))
    assert text.encode().decode() == text
    assert os.fsencode(original(text)) == name


@given(NAMES, NAMES)
@example(b"\xff", b"\\udcff")
@example(b"\xff", b"\\xff")
def test_no_two_names_have_one_text(one: bytes, other: bytes) -> None:
    assert (shown(os.fsdecode(one)) == shown(os.fsdecode(other))) == (one == other)


def test_the_source_directory_itself_has_no_name() -> None:
    assert (shown("./"), original("./")) == ("./", "")
