"""Functions of people's own, called in this process."""

import os
import re
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.farm import HOME
from pixfarm.imaging import ImageSettings, process_image
from pixfarm.imaging.own_functions.folder import CodeFolder
from pixfarm.imaging.pipeline.carrying_out import carry_out, understand
from pixfarm.imaging.pixels import Pixels, full_value
from pixfarm.recipe import Recipe
from tests.integration.small_images import save_image

IMAGE = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of functions; what was imported from it is forgotten in the end."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "code"
    folder.mkdir()
    yield folder
    for name in [name for name, module in sys.modules.items() if is_from(folder, module)]:
        del sys.modules[name]


def is_from(folder: Path, module: object) -> bool:
    return str(vars(module).get("__file__")).startswith(str(folder))


def write(folder: Path, source: str, name: str = "mine") -> Path:
    path = folder / f"{name}.py"
    path.write_text(dedent(source))
    return path


def run(pipeline: str, code: Path | None, image: Pixels = IMAGE) -> Pixels:
    result, _ = carry_out(understand(pipeline), image, code)
    return result


def failure(pipeline: str, code: Path | None) -> tuple[FailureCode, str]:
    with pytest.raises(TaskFailed) as failed:
        run(pipeline, code)
    return failed.value.code, failed.value.message


def test_a_function_makes_the_image(code: Path) -> None:
    write(code, "def f(image, *, k=3): return image + k")
    np.testing.assert_array_equal(run("mine:f", code), IMAGE + 3)
    np.testing.assert_array_equal(run("mine:f: k=100", code), IMAGE + 100)


def test_own_functions_and_operations_take_turns_and_are_timed_alike(code: Path) -> None:
    write(code, "def f(image, *, k): return image + k")
    result, seconds = carry_out(understand("mine:f: k=1 | invert | mine:f: k=2"), IMAGE, code)
    np.testing.assert_array_equal(result, 255 - (IMAGE + 1) + 2)
    assert len(seconds) == 3
    assert min(seconds) > 0


ECHO = """
    import numpy as np
    def f(image, *, whole: int = 0, number: float = 0, text: str = "", truth: bool = False, k=0, **rest):
        assert repr(locals()[{name!r}] if {name!r} in locals() else rest[{name!r}]) == {expected!r}
        return image
"""


@pytest.mark.parametrize(
    "future", ["", "from __future__ import annotations"], ids=["types", "names of types"]
)
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("whole", "12", "12"),
        ("number", "12", "12.0"),
        ("text", "12", "'12'"),
        ("truth", "on", "True"),
        ("truth", "false", "False"),
        ("k", "-12", "-12"),
        ("k", "1e-1", "0.1"),
        ("k", "true", "True"),
        ("k", "yes", "'yes'"),
        ("k", "nan", "'nan'"),
        ("k", "a b", "'a b'"),
        ("more", "7", "7"),
    ],
)
def test_a_value_is_what_the_annotation_says_or_looks_like(
    code: Path, future: str, name: str, text: str, expected: str
) -> None:
    write(code, f"{future}\n{dedent(ECHO.format(name=name, expected=expected))}")
    run(f"mine:f: {name}={text}", code)


PLAIN = "def f(image, *, width: int, soft=False): return image\ndef g(image): return image\n"


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("other:f", "there is no other.py in "),
        ("mine:ff", "mine.py has no function 'ff'"),
        ("mine:fu", "mine.py has no function 'fu' (did you mean f?)"),
        ("mine:K", "mine.py has no function 'K'"),
        ("mine:f", "mine:f needs width; write mine:f: width=..."),
        ("mine:f: widht=3", "mine:f has no parameter 'widht' (did you mean width?); it has width, soft"),
        ("mine:f: image=3", "mine:f has no parameter 'image'; it has width, soft"),
        ("mine:g: k=3", "mine:g has no parameters; leave k out"),
        ("mine:f: width=3.5", "mine:f: width: '3.5' is not a whole number"),
        ("mine:nothing", "mine:nothing does not take an image; write def nothing(image, *, k=3)"),
        ("mine:named", "mine:named does not take an image; write def named(image, *, k=3)"),
        ("decimal:f", "decimal.py has the name of another module (Python's own); give the file another name"),
        ("numpy:f", "numpy.py has the name of another module (/"),
    ],
    ids=lambda value: value if ":" in value and len(value) < 24 else "",
)
def test_what_cannot_be_called_is_told_to_whoever_wrote_the_pipeline(
    code: Path, pipeline: str, message: str
) -> None:
    write(code, PLAIN + "K = 3\ndef nothing(): return 1\ndef named(*, image): return image\n")
    for taken in ("decimal", "numpy"):
        write(code, PLAIN, taken)
    found, words = failure(pipeline, code)
    assert (found, words[: len(message)]) == (FailureCode.NO_CODE, message)
    assert sys.modules["numpy"] is np


def test_without_a_directory_nothing_is_run() -> None:
    assert failure("mine:f", None) == (
        FailureCode.NO_CODE,
        "this node does not run mine:f, nor any function of people's own; "
        "start computenode.py with --code DIR",
    )


RAISING = """
import json
import beside
def direct(image):
    raise ValueError("bad value")
def within(image):
    return direct(image)
def elsewhere(image):
    json.loads("{")
def through(image):
    return beside.deep(image)
def lines(image):
    raise ValueError("first\\nsecond \\udcff")
def leaves(image):
    raise SystemExit(3)
def interrupts(image):
    raise KeyboardInterrupt
class Odd(Exception):
    pass
def odd(image):
    raise Odd("x" * 10_000)
def opencv(image):
    import cv2
    cv2.cvtColor(image[:, :, 0], cv2.COLOR_BGR2GRAY)
def evaluates(image):
    eval("1 +")
def recurses(image):
    return recurses(image)
"""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("direct", "mine.py:5: ValueError: bad value"),
        ("within", "mine.py:5: ValueError: bad value"),
        ("elsewhere", "mine.py:9: json.decoder.JSONDecodeError: Expecting property name"),
        ("through", "beside.py:3: ZeroDivisionError: division by zero"),
        ("lines", "mine.py:13: ValueError: first second \\udcff"),
        ("leaves", "mine.py:15: SystemExit: 3"),
        ("interrupts", "mine.py:17: KeyboardInterrupt"),
        ("odd", f"mine.py:21: mine.Odd: {'x' * 400}"),
        ("opencv", "mine.py:24: cv2.error: OpenCV(5"),
        ("evaluates", "mine.py:26: SyntaxError: invalid syntax"),
        ("recurses", "mine.py:28: RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_a_function_that_raises_is_one_failure_with_its_line(code: Path, function: str, message: str) -> None:
    write(code, RAISING)
    write(code, "def deep(image):\n    half = 2\n    return half / 0\n", "beside")
    found, words = failure(f"mine:{function}", code)
    assert (found, words[: len(message)]) == (FailureCode.FUNCTION_FAILED, message)
    assert len(words) < 600
    assert words.isprintable()


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("None", "returned None; forgot `return`?"),
        ("3", "returned int; return the image as a numpy array"),
        ("pathlib.Path()", "returned pathlib.PosixPath; return the image as a numpy array"),
        ("image / 2", "returned float64; return uint8 or uint16, such as np.clip(image, 0, 255)."),
        ("image > 3", "returned bool; return uint8 or uint16, such as image.astype(np.uint8) * 255"),
        ("image.astype(int)", "returned int64; return uint8 or uint16, such as image.astype(np.uint8)"),
        ("image[:0]", "returned an image of 0 x 5 x 3 pixels, which is empty"),
        ("image[0, 0]", "returned an array of 3; return height x width (grey), or that x 3 (BGR) or"),
        ("image.transpose(2, 0, 1)", "returned an array of 3 x 4 x 5; return height"),
        ("image[:, :, :2]", "returned an array of 4 x 5 x 2; return height"),
        ("np.uint8(3)[...]", "returned an array of no axes; return height"),
        ("image[None]", "returned an array of 1 x 4 x 5 x 3; return height"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_told_with_what_to_return(code: Path, expression: str, message: str) -> None:
    write(code, f"import pathlib\nimport numpy as np\ndef f(image): return {expression}")
    found, words = failure("mine:f", code)
    assert (found, words[: len(message) + 7]) == (FailureCode.FUNCTION_FAILED, f"mine:f {message}")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("image[:, :, 0]", IMAGE[:, :, 0]),
        ("image[:, :, :1]", IMAGE[:, :, 0]),
        ("np.dstack([image, image[:, :, 0]])", np.dstack([IMAGE, IMAGE[:, :, 0]])),
        ("image.astype(np.uint16) * 256", IMAGE.astype(np.uint16) * 256),
        ("image[:, ::-1]", IMAGE[:, ::-1]),
        ("np.broadcast_to(np.uint8(7), image.shape)", np.full_like(IMAGE, 7)),
    ],
    ids=["grey", "one channel", "four", "16 bits", "not contiguous", "read only"],
)
def test_every_form_of_image_may_be_returned(code: Path, expression: str, expected: Pixels) -> None:
    write(code, f"import numpy as np\ndef f(image): return {expression}")
    result = run("mine:f", code)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == expected.dtype
    assert result.flags.c_contiguous
    assert result.flags.writeable


def test_a_function_may_change_what_it_gets(code: Path) -> None:
    write(code, "def f(image):\n    image[:] = 9\n    return image")
    before = IMAGE[::-1]  # neither contiguous nor ours to change
    before.flags.writeable = False
    assert (run("mine:f", code, before) == 9).all()
    np.testing.assert_array_equal(before, IMAGE[::-1])


def test_what_one_function_keeps_is_not_changed_by_the_next(code: Path) -> None:
    write(
        code,
        """
        import numpy as np
        KEPT = np.full((4, 5), 7, np.uint8)
        def keeps(image): return KEPT
        def adds(image):
            image += 1
            return image
        """,
    )
    for _ in range(2):
        assert (run("mine:keeps | mine:adds", code) == 8).all()


@pytest.mark.parametrize(
    "expression",
    ["np.ones(1 << 45, np.uint8)", "cv2.repeat(np.zeros((1, 1, 3), np.uint8), 600000, 600000)"],
    ids=["numpy", "OpenCV"],
)
def test_too_much_memory_is_no_fault_of_the_function(code: Path, tmp_path: Path, expression: str) -> None:
    write(code, f"import cv2\nimport numpy as np\ndef f(image): return {expression}")
    source = save_image(tmp_path / "a.png")
    with pytest.raises(TaskFailed) as failed:
        process_image(source, tmp_path / "b.png", "a-1", ImageSettings(code=code), Recipe("mine:f"))
    assert failed.value.code is FailureCode.NO_MEMORY


COUNTING = "import itertools\ncount = itertools.count(1)\ndef f(image): return image * 0 + next(count)\n"


def test_a_module_is_imported_once(code: Path) -> None:
    write(code, COUNTING)
    assert [run("mine:f", code).max() for _ in range(3)] == [1, 2, 3]


def test_a_module_is_loaded_again_when_its_file_changes(code: Path) -> None:
    path = write(code, "def f(image): return image * 0 + 1")
    assert run("mine:f", code).max() == 1
    changed_ns = path.stat().st_mtime_ns + 1
    write(code, "def f(image): return image * 0 + 2")
    os.utime(path, ns=(changed_ns, changed_ns))  # in the same second, of the same size
    assert run("mine:f", code).max() == 2
    assert not (code / "__pycache__").exists()


def test_a_file_that_another_one_imports_is_loaded_again_too(code: Path) -> None:
    write(code, "import beside\ndef f(image): return image * 0 + beside.K")
    write(code, "K = 1", "beside")
    assert run("mine:f", code).max() == 1
    write(code, "K = 200", "beside")
    assert run("mine:f", code).max() == 200


def test_a_module_that_is_called_is_the_one_that_another_imports(code: Path) -> None:
    write(code, "import counting\ndef f(image): return counting.f(image)")
    write(code, COUNTING, "counting")
    pipelines = ["mine:f", "counting:f", "mine:f"]
    assert [run(pipeline, code).max() for pipeline in pipelines] == [1, 2, 3]


def test_dataclasses_and_pickles_work_inside(code: Path) -> None:
    write(
        code,
        """
        from __future__ import annotations
        import dataclasses, pickle
        @dataclasses.dataclass
        class Level:
            value: int
        def f(image): return image * 0 + pickle.loads(pickle.dumps(Level(5))).value
        """,
    )
    assert run("mine:f", code).max() == 5


def test_a_directory_hides_no_installed_module(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(code, "raise AssertionError('hides the real one')", "colorsys")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    write(code, "import colorsys\ndef f(image): return image * 0 + int(colorsys.rgb_to_hsv(0, 0, 6)[2])")
    assert run("mine:f", code).max() == 6


def test_a_failed_import_is_told_with_its_line_and_mended_by_a_change(code: Path) -> None:
    write(code, "import numpy\nimport no_such_library\ndef f(image): return image")
    expected = "mine.py cannot be imported: mine.py:2: ModuleNotFoundError: No module named 'no_such_library'"
    assert failure("mine:f", code) == (FailureCode.NO_CODE, expected)
    write(code, "def f(image): return image * 0 + 4")
    assert run("mine:f", code).max() == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\ndef f(image) return image", "mine.py:2: SyntaxError: expected ':'"),
        ("import sys\n\nsys.exit('no')", "mine.py:3: SystemExit: no"),
        ("import beside", "beside.py:1: ZeroDivisionError: division by zero"),
        ("\0", "SyntaxError: source code string cannot contain null bytes"),
    ],
    ids=["syntax", "exit", "beside", "no text"],
)
def test_whatever_an_import_does_it_is_one_line(code: Path, source: str, message: str) -> None:
    write(code, source)
    write(code, "1 / 0", "beside")
    found, words = failure("mine:f", code)
    assert (found, words) == (FailureCode.NO_CODE, f"mine.py cannot be imported: {message}")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_fails_is_imported_again_only_after_a_while(code: Path) -> None:
    """What it lacked may have been installed."""
    count = code / "count"
    write(code, f"with open({str(count)!r}, 'a') as file: file.write('x')\n1 / 0")
    clock = Clock()
    folder = CodeFolder(code, clock)
    tries = []
    for now in (0, 1, 4.9, 5, 9.9, 10):
        clock.now = now
        with pytest.raises(TaskFailed, match=r"mine\.py:2: ZeroDivisionError"):
            folder.module("mine")
        tries.append(len(count.read_text()))
    assert tries == [1, 1, 1, 2, 2, 3]


def test_a_function_appears_with_its_file_and_goes_with_it(code: Path) -> None:
    assert failure("mine:f", code)[1].startswith("there is no mine.py")
    path = write(code, "def f(image): return image")
    run("mine:f", code)
    path.unlink()
    assert failure("mine:f", code)[1].startswith("there is no mine.py")


def test_a_file_may_be_a_link_to_elsewhere(code: Path, tmp_path: Path) -> None:
    (code / "mine.py").symlink_to(write(tmp_path, "def f(image): return 1 / 0", "elsewhere"))
    assert failure("mine:f", code)[1] == "mine.py:1: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    "image",
    [IMAGE[:, :, 0], IMAGE, np.dstack([IMAGE, IMAGE[:, :, 0]]), IMAGE.astype(np.uint16) * 256],
    ids=["grey", "colour", "transparent", "16 bits"],
)
def test_the_example_of_the_readme_draws_a_histogram(code: Path, image: Pixels) -> None:
    examples = re.findall(r"```python\n(.*?)```", (HOME / "README.md").read_text(), re.DOTALL)
    write(code, next(example for example in examples if "def histogram" in example))
    large = np.tile(image, (20, 60, 1)[: image.ndim])
    result = run("mine:histogram: height=30", code, large)
    assert (result[-1, :256] == full_value(image)).all()
    np.testing.assert_array_equal(result[:-31], large[:-31])
    assert (result != large).any()


def test_a_file_that_a_call_imports_is_loaded_again_when_it_changes(code: Path) -> None:
    write(code, "def f(image):\n    import beside\n    return image * 0 + beside.K")
    write(code, "K = 1", "beside")
    assert run("mine:f", code).max() == 1
    write(code, "K = 200", "beside")
    assert run("mine:f", code).max() == 200


def test_a_file_that_changes_while_another_imports_it_is_loaded_again(code: Path) -> None:
    write(
        code,
        """
        import beside
        with open(beside.__file__, "w") as file:
            file.write("K = 200")
        def f(image): return image * 0 + beside.K
    """,
    )
    write(code, "K = 1", "beside")
    assert [run("mine:f", code).max() for _ in range(2)] == [1, 200]


def test_what_is_installed_below_the_directory_stays_when_a_file_changes(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = code / ".venv" / "site-packages"
    installed.mkdir(parents=True)
    once = "import sys\nassert not hasattr(sys, 'att_seen')\nsys.att_seen = 1\n"
    (installed / "att_library.py").write_text(once)
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.delattr(sys, "att_seen", raising=False)
    write(code, "import att_library\ndef f(image): return image * 0 + 1")
    assert run("mine:f", code).max() == 1
    write(code, "import att_library\ndef f(image): return image * 0 + 200")
    assert run("mine:f", code).max() == 200


def test_another_module_that_fails_has_no_good_one_imported_again(code: Path) -> None:
    write(code, COUNTING)
    write(code, "1 / 0", "bad")
    clock = Clock()
    folder = CodeFolder(code, clock)
    good = folder.module("mine")
    for clock.now in (0.0, 6.0, 12.0):
        with pytest.raises(TaskFailed):
            folder.module("bad")
    assert folder.module("mine") is good


def test_what_a_module_held_is_gone_when_it_is_imported_again(code: Path) -> None:
    source = "class Model: pass\nmodel = Model()\nmodel.f = lambda: model\ndef f(image): return image\n"
    write(code, source)
    run("mine:f", code)
    old = weakref.ref(sys.modules["mine"].model)
    write(code, source + "# changed")
    run("mine:f", code)
    assert old() is None
