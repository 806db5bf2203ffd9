import pytest

from pixfarm.imaging.metadata import Metadata

WIDTH, HEIGHT = 400, 300
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "exif": "http://ns.adobe.com/exif/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "note": "http://ns.adobe.com/xmp/note/",
        "img": "http://ns.adobe.com/xap/1.0/g/img/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "photo": "http://ns.google.com/photos/1.0/image/",
    }.items()
)
THUMBNAIL = (
    '<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><img:image>/9j/4AAQ</img:image></rdf:li>'
    "</rdf:Alt></xmp:Thumbnails>"
)


def packet(attributes: str = "", elements: str = "") -> bytes:
    return (
        "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n"
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}>'
        f'<rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>\n   \n<?xpacket end='w'?>"
    ).encode()


def fit(written: bytes) -> bytes:
    return Metadata(xmp=written).for_result(WIDTH, HEIGHT, 3).xmp


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            packet('dc:a="1>0" tiff:Orientation="6" exif:PixelXDimension = \'4000\' dc:b="caf\u00e9"'),
            packet('dc:a="1>0" tiff:Orientation="1" exif:PixelXDimension = \'400\' dc:b="caf\u00e9"'),
            id="attributes",
        ),
        pytest.param(
            packet(
                elements="<tiff:Orientation>8</tiff:Orientation>\n<exif:PixelYDimension>9</exif:PixelYDimension>"
            ),
            packet(
                elements="<tiff:Orientation>1</tiff:Orientation>\n"
                "<exif:PixelYDimension>300</exif:PixelYDimension>"
            ),
            id="elements",
        ),
        pytest.param(
            packet(elements='<t:ImageWidth xmlns:t="http://ns.adobe.com/tiff/1.0/">9</t:ImageWidth>'),
            packet(elements='<t:ImageWidth xmlns:t="http://ns.adobe.com/tiff/1.0/">400</t:ImageWidth>'),
            id="another prefix",
        ),
        pytest.param(
            packet(elements=f"<dc:a>1</dc:a>{THUMBNAIL}<dc:b>2</dc:b>"),
            packet(elements="<dc:a>1</dc:a><dc:b>2</dc:b>"),
            id="thumbnails",
        ),
        pytest.param(
            packet(
                elements="<xmp:Thumbnails><rdf:RDF><rdf:Description><tiff:Orientation>6</tiff:Orientation>"
                "</rdf:Description></rdf:RDF></xmp:Thumbnails><dc:b>2</dc:b>"
            ),
            packet(elements="<dc:b>2</dc:b>"),
            id="thumbnails with notes of their own",
        ),
        pytest.param(
            packet(elements="<dc:a>1</dc:a><xmp:Thumbnails/><dc:b>2</dc:b>"),
            packet(elements="<dc:a>1</dc:a><dc:b>2</dc:b>"),
            id="no thumbnail in an empty list",
        ),
        pytest.param(
            packet('note:HasExtendedXMP="00FF" dc:a="1"'), packet(' dc:a="1"').replace(b'""  ', b'"" '),
            id="a note of what is left out",
        ),
    ],
)  # fmt: skip
def test_what_a_packet_says_of_the_image_becomes_true(written: bytes, expected: bytes) -> None:
    assert fit(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(packet('dc:creator="me"', "<dc:title>T</dc:title>"), id="nothing of the image"),
        pytest.param(
            packet(elements='<dc:part><rdf:Description tiff:Orientation="6"/></dc:part>'),
            id="another image's",
        ),
        pytest.param(packet(elements="<tiff:Orientation/>"), id="an empty property"),
        pytest.param(packet(elements="<!-- <tiff:Orientation>6</tiff:Orientation> -->"), id="a comment"),
        pytest.param(b"\xef\xbb\xbf" + packet('tiff:Orientation="1"'), id="a byte order mark"),
    ],
)
def test_the_rest_of_a_packet_stays_byte_for_byte(written: bytes) -> None:
    assert fit(written) == written


def test_bytes_before_an_orientation_do_not_hide_it() -> None:
    before = b"\xef\xbb\xbf" + packet('dc:a="\u00e9\u20ac" tiff:Orientation="6"')

    assert fit(before) == before.replace(b'"6"', b'"1"')


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_a_packet_in_another_encoding_is_kept_in_utf_8(encoding: str) -> None:
    text = packet('tiff:Orientation="6"').decode()

    assert fit(text.encode(encoding)) == packet('tiff:Orientation="1"')


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(packet()[:-40].replace(b"</rdf:RDF>", b""), id="not well-formed"),
        pytest.param(packet(elements="<img:image>/9j/4AAQ</img:image>"), id="a picture elsewhere"),
        pytest.param(packet('photo:Data="/9j/4AAQ"'), id="a picture in an attribute"),
        pytest.param(packet(elements="<tiff:Orientation><dc:a/></tiff:Orientation>"), id="not a plain value"),
        pytest.param(b'<!DOCTYPE x [<!ENTITY a "aa">]>' + packet(), id="a document type"),
        pytest.param(packet().decode().encode("utf-32"), id="an encoding XMP does not have"),
        pytest.param(b"\xff" + packet(), id="not UTF-8"),
    ],
)
def test_a_packet_that_cannot_be_made_true_is_left_out(written: bytes) -> None:
    assert fit(written) == b""
