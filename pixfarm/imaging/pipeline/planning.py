"""Planning: how much of an image has to be decoded for a pipeline."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pixfarm.imaging.decoding import WHOLE, Decoding
from pixfarm.imaging.formats import ExaminedImage, Format
from pixfarm.imaging.operations.sampling import Sampling, Span, sample
from pixfarm.imaging.pipeline.checking import Pipeline, Step
from pixfarm.imaging.pipeline.own_steps import OwnStep
from pixfarm.imaging.pixels import Pixels

_FRACTIONS = (8, 4, 2)
_LEFT_TO_THE_FILTER = 2
_WITH_BRIGHTNESS = (1, 3)  # channels: grey and YCbCr, not CMYK
_MIRRORED_ACROSS = frozenset({2, 3, 6, 7})  # orientations that have the right of the file on the left, or
_MIRRORED_DOWN = frozenset({3, 4, 7, 8})  # its bottom at the top


@dataclass(frozen=True, slots=True)
class Plan:
    """How an image is decoded, and the pipeline for what is decoded."""

    decoding: Decoding
    pipeline: Pipeline


def plan_for(pipeline: Pipeline, source: ExaminedImage) -> Plan:
    """The least decoding that serves a pipeline; less than all only of JPEG, where libjpeg can do it.

    When the first operation makes both sides a quarter as long or less, they are decoded to a half, a quarter
    or an eighth, so that at least twice the length is left to the filter; more where colours are coarser
    along one axis than along the other (4:1:1, 4:2:2), because libjpeg reduces the finer axis of them all the
    same. The result has the size, and each pixel the place, of a whole decoding. On photographs its values
    differ by 0.4 to 1.6 of 255 in the mean, and 99 % of them by 8 at most: libjpeg leaves out frequencies
    where the whole decoding takes means.

    When the first operation looks at brightness alone, or the first one after such samplings, the colours are
    not decoded. Brightness is then what the file says, also where its colours are beyond those that a screen
    can show. Grey differs by less than 0.1 in the mean, and 99 % of it by 2 at most; of what `threshold` and
    `canny` make, less than 0.25 % of the pixels do.
    """
    if source.format is not Format.JPEG:
        return Plan(WHOLE, pipeline)
    grey = source.channels in _WITH_BRIGHTNESS and _sees_grey(pipeline.steps)
    first, *others = pipeline.steps
    if isinstance(first, Step) and (sampling := first.operation.sampling):
        wanted = sampling(source.upright_size, **first.operation.with_defaults(first.arguments))
        fraction = _fraction_for(wanted, 1 if grey else source.colour_stretch)
        if fraction > 1:
            reduced = _of_reduced(wanted, source, fraction)
            return Plan(Decoding(fraction, grey=grey), Pipeline((_sampling_step(first, reduced), *others)))
    return Plan(Decoding(grey=grey), pipeline)


def _sees_grey(steps: Iterable[Step | OwnStep]) -> bool:
    for step in steps:
        if isinstance(step, OwnStep):
            return False
        if not step.operation.sampling:
            return step.operation.sees_grey
    return False


def _fraction_for(wanted: Sampling, stretch: int) -> int:
    spans = (wanted.across, wanted.down)
    for fraction in _FRACTIONS:
        if all(span.length >= fraction * _LEFT_TO_THE_FILTER * stretch * span.result for span in spans):
            return fraction
    return 1


def _of_reduced(wanted: Sampling, source: ExaminedImage, fraction: int) -> Sampling:
    """The same part of the image when it is decoded to a fraction."""
    # Lengths are rounded up: the last pixel is partly beyond the image, and comes first where it is mirrored.
    beyond_right, beyond_bottom = (-length_px % fraction / fraction for length_px in source.upright_size)
    left = beyond_right if source.orientation in _MIRRORED_ACROSS else 0
    top = beyond_bottom if source.orientation in _MIRRORED_DOWN else 0
    return Sampling(_fraction_of(wanted.across, fraction, left), _fraction_of(wanted.down, fraction, top))


def _fraction_of(span: Span, fraction: int, before: float) -> Span:
    return Span(before + span.start / fraction, span.length / fraction, span.result)


def _sampling_step(step: Step, sampling: Sampling) -> Step:
    def function(image: Pixels, **_arguments: object) -> Pixels:
        return sample(image, sampling)

    return replace(step, operation=replace(step.operation, function=function))
