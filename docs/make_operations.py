"""Makes docs/operations.md and its pictures from the catalogue: ``python docs/make_operations.py``."""

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from pixfarm.console.catalogue import parameters_sheet
from pixfarm.farm import HOME
from pixfarm.imaging import CATALOGUE, ImageSettings, Operation, process_image
from pixfarm.recipe import Recipe

PAGE = HOME / "docs" / "operations.md"
PICTURES = HOME / "docs" / "pictures" / "operations"
LOGO = "/photos/logo.png"  # in the examples
_PHOTOGRAPH = "summer_palace.jpg"
_PHOTOGRAPHS = {
    "threshold": "photographer.png",
    "morphology": "photographer.png",
    "equalize": "brick_wall.tiff",
    "normalize": "brick_wall.tiff",
    "clahe": "retina.jpg",
    "colormap": "space/hubble_deep_field.webp",
    "median": "dahlia.bmp",
    "bilateral": "dahlia.bmp",
    "denoise": "dahlia.bmp",
    "white-balance": "coffee.jpg",
    "crop": "space/astronaut.jpg",
    "thumbnail": "space/astronaut.jpg",
    "pixelate": "space/astronaut.jpg",
}
_SIDE_PX = 320
_QUALITY = 85
_HEAD = """# Operations

What `client.py --op` can do to images. Operations are put together with `|`, and are done in the order in
which they stand:

    python3 client.py photos --op "resize: width=1600, fit=inside | sharpen: amount=0.6"

A step is the name of an operation and, after `:`, its parameters with `,` between them. A value with a comma,
a bar or a quote in it goes into double quotes: `watermark: text="us, 2026"`. Long pipelines may stand in a
TOML file (`client.py --pipeline FILE`), with a `[[step]]` for each operation:

```toml
[[step]]
op = "resize"
width = 1600
fit = "inside"

[[step]]
op = "sharpen"
amount = 0.6
```

The server looks at all of it before it touches an image. All operations take grey, colour and transparent
images, of 8 and of 16 bits; opacity is kept, and pixels that cannot be seen do not colour their neighbours.

A JPEG is decoded no further than its first operation needs: to a half, a quarter or an eighth of its size
for a `resize` or `thumbnail` to a quarter or less, and without colours for `grayscale`, `colormap`,
`threshold` and `canny`. Sizes stay the same; values differ from those of a whole decoding by 1 or 2 of 255 in
the mean.

`client.py --list-ops` prints the list, `--describe-op NAME` the parameters of one, both with `--json` for
programs. The photographs are those of [data](../data/CREDITS.md).

"""


def main() -> None:
    """Carries out the example of each operation and writes the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        before = {name: _reduced(name, Path(folder)) for name in {_PHOTOGRAPH, *_PHOTOGRAPHS.values()}}
        logo = _logo(Path(folder))
        for operation in CATALOGUE.values():
            source = before[_PHOTOGRAPHS.get(operation.name, _PHOTOGRAPH)]
            pipeline = operation.usage.replace(LOGO, str(logo))
            target = Path(folder) / "results" / f"{operation.name}.png"
            process_image(source, target, "docs", ImageSettings(fsync=False), Recipe(pipeline))
            _side_by_side(source, target).save(PICTURES / f"{operation.name}.jpg", quality=_QUALITY)
    PAGE.write_text(page())


def page() -> str:
    """The text of docs/operations.md."""
    operations = [CATALOGUE[name] for name in sorted(CATALOGUE)]
    links = ", ".join(f"[{operation.name}](#{operation.name})" for operation in operations)
    return _HEAD + links + "\n\n" + "\n".join(map(_section, operations))


def _section(operation: Operation) -> str:
    name = operation.name
    lines = [f"## {name}", "", operation.help, "", f"    --op {_quoted(operation.usage)}", ""]
    lines += [f"![Before and after {name}](pictures/operations/{name}.jpg)", ""]
    if operation.parameters:
        sheet = parameters_sheet(operation)
        headers = [column.header for column in sheet.columns]
        lines += [_table_row(headers), "|---" * len(headers) + "|"]
        lines += [_table_row([f"`{first}`", *rest]) for first, *rest in sheet.rows]
        lines.append("")
    return "\n".join(lines)


def _quoted(usage: str) -> str:
    return f"'{usage}'" if '"' in usage else f'"{usage}"'


def _table_row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _reduced(name: str, folder: Path) -> Path:
    with Image.open(HOME / "data" / "input_dir" / name) as image:
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((_SIDE_PX, _SIDE_PX))
        path = folder / f"{Path(name).stem}.png"
        upright.save(path)
    return path


def _logo(folder: Path) -> Path:
    logo = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(logo).regular_polygon((32, 32, 30), 6, fill=(255, 136, 0, 230))
    path = folder / "logo.png"
    logo.save(path)
    return path


def _side_by_side(before: Path, after: Path) -> Image.Image:
    with Image.open(before) as left, Image.open(after) as right:
        images = [_on_white(left), _on_white(right)]
    width, height = sum(image.width for image in images) + 8, max(image.height for image in images)
    pair = Image.new("RGB", (width, height), "white")
    pair.paste(images[0], (0, 0))
    pair.paste(images[1], (images[0].width + 8, 0))
    return pair


def _on_white(image: Image.Image) -> Image.Image:
    page_of_it = Image.new("RGBA", image.size, "white")
    page_of_it.alpha_composite(image.convert("RGBA"))
    return page_of_it.convert("RGB")


if __name__ == "__main__":
    main()
