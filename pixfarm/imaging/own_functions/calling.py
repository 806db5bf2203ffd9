"""Calling a function of people's own on an image: whatever it does is one failed image at most."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.allocation import has_failed_allocation
from pixfarm.imaging.own_functions.arguments import arguments
from pixfarm.imaging.own_functions.folder import CodeFolder
from pixfarm.imaging.own_functions.returned import NoImage, as_image
from pixfarm.imaging.own_functions.tracing import last_line
from pixfarm.imaging.pipeline.hints import meant
from pixfarm.imaging.pipeline.own_steps import OwnStep
from pixfarm.imaging.pixels import Pixels


def call(step: OwnStep, image: Pixels, code: Path | None) -> Pixels:
    """What a function makes of an image.

    Args:
        step: which function, and its arguments.
        image: stays as it is, whatever the function does to what it gets.
        code: the directory of functions, absolute; None when none are to be carried out.

    Raises:
        TaskFailed: NO_CODE, the function is not here or cannot be called so; FUNCTION_FAILED, it raised, or
            returned no image.
        MemoryError: it needs more memory than there is.
        cv2.error: OpenCV does.
    """
    if code is None:
        raise TaskFailed(
            FailureCode.NO_CODE,
            f"this node does not run {step.name}, nor any function of people's own; "
            "start computenode.py with --code DIR",
        )
    function = _function(step, code)
    values = arguments(step, function)
    try:
        return as_image(_called(function, np.array(image, order="C"), values, code))
    except NoImage as error:
        raise TaskFailed(FailureCode.FUNCTION_FAILED, f"{step.name} {error}") from error


def _called(function: Callable[..., object], image: Pixels, values: dict[str, Any], code: Path) -> object:
    try:
        return function(image, **values)
    except MemoryError:
        raise
    except BaseException as error:  # code of somebody's own may raise anything, also what ends a process
        if isinstance(error, cv2.error) and _is_for_want_of_memory(error):
            raise
        raise TaskFailed(FailureCode.FUNCTION_FAILED, last_line(error, code)) from error


def _is_for_want_of_memory(error: cv2.error) -> bool:
    return getattr(error, "code", 0) == cv2.Error.StsNoMem or has_failed_allocation()


def _function(step: OwnStep, code: Path) -> Callable[..., object]:
    module = vars(_folder(code).module(step.module))
    function = module.get(step.function)
    if not callable(function):
        names = [name for name, value in module.items() if callable(value) and not name.startswith("_")]
        raise TaskFailed(
            FailureCode.NO_CODE,
            f"{step.module}.py has no function {step.function!r}{meant(step.function, names)}",
        )
    found: Callable[..., object] = function
    return found


@functools.cache
def _folder(code: Path) -> CodeFolder:
    return CodeFolder(code)
