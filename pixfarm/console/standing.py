"""The words for where a running job stands."""

from typing import NamedTuple

from pixfarm.console import text
from pixfarm.console.outcome import copied, looking_wrong
from pixfarm.console.pace import Pace, is_steady
from pixfarm.model import JobState, JobStatus


class Item(NamedTuple):
    """A few words that belong together, and how a terminal emphasises them."""

    words: str
    style: str = ""


def standing_items(status: JobStatus, pace: Pace) -> list[Item]:
    """What is known of the job; the most important first, nothing that is zero."""
    running = status.state is JobState.RUNNING
    per_s = pace.images_per_s
    eta_s = pace.eta_s(status)
    items = [Item(f"{text.count(status.done)} of {total_words(status)} done", "bold")]
    if status.skipped:
        items.append(Item(f"{text.count(status.skipped)} already done"))
    if status.failed:
        items.append(Item(f"{text.count(status.failed)} failed", "red"))
    if status.flagged:
        items.append(Item(looking_wrong(status.flagged), "yellow"))
    if status.not_done:
        items.append(Item(f"{text.count(status.not_done)} not done", "yellow"))
    if per_s is not None and status.state is not JobState.PAUSED:
        items.append(Item(f"{text.rate(per_s)} images/s"))
    if eta_s is not None:
        items.append(Item(f"ETA {text.clock(eta_s)}"))
    elif is_steady(status) and pace.is_stalled:
        items.append(Item("ETA --", "dim"))
    elif running and not status.listing_complete:
        items.append(Item("still listing", "dim"))
    if status.rejections:
        items.append(Item(text.counted(status.rejections, "refusal")))
    if status.copies:
        items.append(Item(copied(status.copies)))
    if status.state is JobState.PAUSED:
        items.append(Item(f"paused; {_way_on(status)}", "yellow"))
    elif not running:
        items.append(Item(status.state.value))
    return items


def standing_line(status: JobStatus, pace: Pace) -> str:
    """One line on the job: 120 of 300 done, 54.3 images/s, ETA 0:03."""
    line = ", ".join(item.words for item in standing_items(status, pace))
    return f"{line} ({status.message})" if status.message else line


def paused_line(status: JobStatus) -> str:
    """What there is to say of a job that has just been paused."""
    counts = f"{text.count(status.done)} of {total_words(status)} done"
    running = f", {text.counted(status.running, 'image')} still running" if status.running else ""
    return f"job {status.job_id} is paused: {counts}{running}; {_way_on(status)}"


def total_words(status: JobStatus) -> str:
    """The number of images; with a plus while more may be found."""
    return text.count(status.total) + ("" if status.listing_complete else "+")


def _way_on(status: JobStatus) -> str:
    return f"go on with client.py --resume {status.job_id}"
