"""A contact sheet: images before and after, side by side, in one HTML file that needs nothing else."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1080px; padding: 0 1rem;
       background: #f4f4f2; color: #222 }
h1 { font-size: 1.4rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem }
dt { color: #666 } dd { margin: 0; overflow-wrap: anywhere }
article { background: #fff; border-radius: 6px; margin: 1.2rem 0; padding: 1rem; box-shadow: 0 1px 3px #0003 }
h2 { font-size: 1rem; margin: 0 0 .6rem; overflow-wrap: anywhere }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; align-items: start }
figure { margin: 0 } img { max-width: 100%; display: block; background: repeating-conic-gradient(#ddd 0 25%,
  #fff 0 50%) 0 0 / 16px 16px }
figcaption { color: #666; font-size: .85rem; margin-top: .3rem }
.bad { color: #b00020 }
"""


@dataclass(frozen=True, slots=True)
class Side:
    """A picture of an image, or why there is none.

    Args:
        caption: what it is; plain text.
        picture: a JPEG or PNG; empty for none.
    """

    caption: str
    picture: bytes = b""


@dataclass(frozen=True, slots=True)
class Pair:
    """One image; ``warning`` is what is wrong with it, in plain text, and empty when nothing is."""

    name: str
    before: Side
    after: Side
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is shown.

    Args:
        title: of the page.
        facts: labels and values, above the images.
        pairs: the images.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    pairs: Sequence[Pair]


def write_sheet(sheet: Sheet, path: Path) -> None:
    """Writes the sheet to a file.

    Raises:
        OSError: it cannot be written.
    """
    # Names may hold what is not UTF-8 as lone surrogates.
    path.write_text(as_html(sheet), encoding="utf-8", errors="backslashreplace")


def as_html(sheet: Sheet) -> str:
    """The sheet as one page, with its pictures inside."""
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>\n" for label, value in sheet.facts)
    pairs = "".join(map(_pair, sheet.pairs))
    title = escape(sheet.title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        f"<h1>{title}</h1>\n<dl>\n{facts}</dl>\n{pairs}</body>\n</html>\n"
    )


def _pair(pair: Pair) -> str:
    warning = f'<p class="bad">{escape(pair.warning)}</p>' if pair.warning else ""
    figures = _figure("before", pair.before) + _figure("after", pair.after)
    head = f"<h2>{escape(pair.name)}</h2>\n{warning}"
    return f'<article>\n{head}<div class="pair">\n{figures}</div>\n</article>\n'


def _figure(what: str, side: Side) -> str:
    picture = ""
    if side.picture:
        kind = "png" if side.picture.startswith(b"\x89PNG") else "jpeg"
        source = f"data:image/{kind};base64,{base64.b64encode(side.picture).decode()}"
        picture = f'<img alt="{what}" src="{source}">'
    return f"<figure>{picture}<figcaption>{what}: {escape(side.caption)}</figcaption></figure>\n"
