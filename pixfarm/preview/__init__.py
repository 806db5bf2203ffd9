"""A look at a job before it is run: what it is about, and what a few of its images become."""

from pixfarm.preview.contact_sheet import Pair, Sheet, Side, write_sheet
from pixfarm.preview.dry_run import DryRun, dry_run, free_bytes
from pixfarm.preview.prediction import Measured, Prediction, predict
from pixfarm.preview.sampling import Sampler, SourceFile
from pixfarm.preview.survey import Kind, Survey, take_survey

__all__ = [
    "DryRun",
    "Kind",
    "Measured",
    "Pair",
    "Prediction",
    "Sampler",
    "Sheet",
    "Side",
    "SourceFile",
    "Survey",
    "dry_run",
    "free_bytes",
    "predict",
    "take_survey",
    "write_sheet",
]
