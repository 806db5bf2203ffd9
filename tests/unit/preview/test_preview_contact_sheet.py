"""The contact sheet."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

from pixfarm.preview import Pair, Sheet, Side, write_sheet

JPEG = b"\xff\xd8\xff\xe0 not looked at"
PNG = b"\x89PNG not looked at"
EVIL = "<script>alert(1)</script>&\"'.jpg"


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def written(tmp_path: Path, *pairs: Pair) -> Page:
    path = tmp_path / "index.html"
    write_sheet(Sheet("proof of 2 images", [("pipeline", "resize: width=4")], pairs), path)
    return Page(path.read_text(encoding="utf-8"))


def test_a_sheet_holds_its_pictures_and_asks_for_nothing(tmp_path: Path) -> None:
    page = written(tmp_path, Pair("a.jpg", Side("8 x 8", JPEG), Side("4 x 4", PNG)))
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert sources == [
        f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}",
        f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
    ]
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe")]
    assert not re.search(r"https?:", str(page.tags))
    assert "resize: width=4" in page.text


def test_names_are_text_whatever_is_in_them(tmp_path: Path) -> None:
    page = written(tmp_path, Pair(EVIL, Side(EVIL), Side(EVIL), warning=EVIL))
    assert page.text.count(EVIL) == 4
    assert not [tag for tag, _ in page.tags if tag == "script"]


def test_a_name_that_is_no_utf_8_can_be_shown(tmp_path: Path) -> None:
    page = written(tmp_path, Pair("caf\udce9.jpg", Side(""), Side("")))
    assert "caf\\udce9.jpg" in page.text


def test_what_has_no_picture_is_told_in_words(tmp_path: Path) -> None:
    page = written(tmp_path, Pair("a.jpg", Side("8 x 8", JPEG), Side("UNREADABLE: is damaged")))
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 1
    assert "UNREADABLE: is damaged" in page.text
