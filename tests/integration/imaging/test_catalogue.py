"""What all operations have in common."""

from enum import StrEnum
from pathlib import Path

import cv2  # noqa: TID251 - writes the file that is drawn
import numpy as np
import pytest

from pixfarm.imaging.operations import CATALOGUE
from pixfarm.imaging.operations.declaration import Operation, Parameter
from pixfarm.imaging.pipeline.carrying_out import canonical, carry_out, understand
from tests.integration.imaging.image_files import Array, picture, slope, to_bgr, wide

_BGR = to_bgr(picture(30, 40))
_EIGHT_BIT = {"grey": _BGR[..., 1].copy(), "BGR": _BGR, "BGRA": np.dstack([_BGR, slope(30, 40)])}
IMAGES = _EIGHT_BIT | {f"{kind} 16": wide(image) for kind, image in _EIGHT_BIT.items()}
PARAMETERS = {
    f"{operation.name}: {parameter.name}": parameter
    for operation in CATALOGUE.values()
    for parameter in operation.parameters
}
NUMBERS = {name: parameter for name, parameter in PARAMETERS.items() if parameter.kind in {int, float}}

each_operation = pytest.mark.parametrize("operation", CATALOGUE.values(), ids=CATALOGUE)
each_parameter = pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS)
each_number = pytest.mark.parametrize("parameter", NUMBERS.values(), ids=NUMBERS)
each_image = pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)


def example(operation: Operation, folder: Path) -> str:
    """A pipeline of that operation alone."""
    file = folder / "mark.png"
    assert cv2.imwrite(str(file), _EIGHT_BIT["BGRA"][:8, :9])
    return operation.usage.replace("/photos/logo.png", str(file))


@each_operation
def test_an_operation_has_a_sentence_of_help(operation: Operation) -> None:
    assert operation.help.strip(" .")
    assert operation.help.endswith(".")
    assert not operation.help.endswith("..")
    assert operation.help.isprintable()


@each_parameter
def test_a_parameter_has_some_words_of_help(parameter: Parameter) -> None:
    assert parameter.declared.help.strip()
    assert not parameter.declared.help.endswith(".")
    assert parameter.declared.help.isprintable()


@each_parameter
def test_a_default_is_of_the_kind_that_is_declared(parameter: Parameter) -> None:
    kinds = (int, float) if parameter.kind is float else parameter.kind
    if parameter.default is not None:
        assert isinstance(parameter.default, kinds)
        assert parameter.is_optional


@each_number
def test_a_number_has_limits_and_its_default_is_within(parameter: Parameter) -> None:
    declared, default = parameter.declared, parameter.default
    assert declared.least is not None
    assert declared.most is not None
    assert declared.least < declared.most
    if default is not None:
        assert isinstance(default, int | float)
        assert declared.least <= default <= declared.most


@each_number
def test_odd_are_whole_numbers_with_odd_limits_and_default(parameter: Parameter) -> None:
    declared, default = parameter.declared, parameter.default
    if declared.odd:
        assert parameter.kind is int
        assert isinstance(default, int | None)
        assert all(number is None or number % 2 == 1 for number in (declared.least, declared.most, default))


@each_parameter
def test_only_numbers_have_units_and_limits(parameter: Parameter) -> None:
    declared = parameter.declared
    if parameter.kind not in {int, float}:
        assert (declared.unit, declared.least, declared.most, declared.odd) == ("", None, None, False)


@each_parameter
def test_a_choice_has_values_that_can_be_written(parameter: Parameter) -> None:
    if issubclass(parameter.kind, StrEnum):
        assert len(parameter.kind) > 1
        assert all(choice == choice.strip().lower() for choice in parameter.kind)


@each_operation
@each_image
def test_an_operation_is_carried_out_and_leaves_its_image_as_it_was(
    operation: Operation, image: Array, tmp_path: Path
) -> None:
    pipeline = canonical(example(operation, tmp_path))
    before = image.copy()

    result, seconds = carry_out(understand(pipeline), image)

    assert len(seconds) == 1
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(result, image)
    assert result.dtype == image.dtype
    assert result.ndim == 2 or result.shape[2] in {3, 4}
    assert result.size > 0
    assert result.flags.c_contiguous
