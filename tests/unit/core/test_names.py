import os

import pytest

from pixfarm.names import original, shown


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


def test_the_source_directory_itself_has_no_name() -> None:
    assert (shown("./"), original("./")) == ("./", "")
