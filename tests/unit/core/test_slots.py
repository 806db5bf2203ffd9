import itertools
import threading

import pytest

from pixfarm.slots import Slots
from tests.unit.core.farm_parts import PATIENCE_S, Looks, Stopped, never, start


class Waiting:
    """A job that waits for a slot in a thread of its own."""

    def __init__(self, slots: Slots, job_id: str, priority: int = 0) -> None:
        self._looked = threading.Event()
        self._slots = slots
        self._job_id = job_id
        self._priority = priority
        (self._thread,) = start(self._acquire)
        assert self._looked.wait(PATIENCE_S)

    def _acquire(self) -> None:
        self._slots.acquire(self._job_id, self._priority, self._looked.set)

    @property
    def is_waiting(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(PATIENCE_S)
        assert not self.is_waiting


def take(slots: Slots, job_id: str, count: int) -> None:
    for _ in range(count):
        slots.acquire(job_id, 0, never)


def test_a_slot_is_held_until_it_is_given_back() -> None:
    slots = Slots(lambda: 9)
    take(slots, "a", 2)
    assert (slots.held("a"), slots.held("b")) == (2, 0)
    slots.release("a")
    assert slots.held("a") == 1


def test_no_more_slots_are_held_than_there_are() -> None:
    # Eight jobs race for three slots, each a hundred times.
    slots = Slots(lambda: 3)
    lock = threading.Lock()
    held = 0
    most = 0
    job_ids = itertools.count()

    def work() -> None:
        nonlocal held, most
        with lock:
            job_id = f"job-{next(job_ids)}"
        for _ in range(100):
            slots.acquire(job_id, 0, never)
            with lock:
                held += 1
                most = max(most, held)
            with lock:
                held -= 1
            slots.release(job_id)

    for thread in start(work, map(str, range(8))):
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert most <= 3


@pytest.mark.parametrize("held", [0, 3])
def test_a_wait_ends_when_it_is_stopped(held: int) -> None:
    slots = Slots(lambda: held)
    take(slots, "other", held)
    with pytest.raises(Stopped):
        slots.acquire("a", 0, Looks(1))
    assert slots.held("a") == 0


def test_a_stopped_job_takes_no_slot_even_when_there_is_one() -> None:
    slots = Slots(lambda: 9)
    with pytest.raises(Stopped):
        slots.acquire("a", 0, Looks(1))
    assert slots.held("a") == 0


def test_who_gave_up_waiting_is_in_nobodys_way() -> None:
    room = 1
    slots = Slots(lambda: room)
    take(slots, "a", 1)
    with pytest.raises(Stopped):
        slots.acquire("b", 0, Looks(1))
    room = 2
    take(slots, "a", 1)
    assert slots.held("a") == 2


def test_of_two_jobs_that_wait_the_one_with_fewer_slots_gets_the_next() -> None:
    slots = Slots(lambda: 4)
    take(slots, "rich", 3)
    take(slots, "poor", 1)
    rich = Waiting(slots, "rich")
    poor = Waiting(slots, "poor")
    slots.release("rich")
    poor.join()
    assert rich.is_waiting
    assert (slots.held("rich"), slots.held("poor")) == (2, 2)
    slots.release("poor")
    rich.join()


def test_two_jobs_that_always_want_more_get_the_same_share() -> None:
    slots = Slots(lambda: 6)
    take(slots, "old", 6)
    old = Waiting(slots, "old")
    for _ in range(3):
        new = Waiting(slots, "new")
        slots.release("old")
        new.join()
    assert (slots.held("old"), slots.held("new")) == (3, 3)
    assert old.is_waiting


def test_a_job_whose_images_wait_leaves_another_its_share() -> None:
    slots = Slots(lambda: 6)
    take(slots, "stuck", 6)
    take(slots, "other", 3)
    fourth = Waiting(slots, "other")
    assert fourth.is_waiting
    slots.release("stuck")  # its seat is free, and the fair one of both
    assert fourth.is_waiting
    for _ in range(3):
        slots.release("stuck")
    fourth.join()


def test_a_less_urgent_job_has_no_share_beside_one_that_has_all() -> None:
    slots = Slots(lambda: 2)
    slots.acquire("urgent", 5, never)
    slots.acquire("urgent", 5, never)
    later = Waiting(slots, "other")
    assert later.is_waiting
    slots.release("urgent")
    later.join()


def test_a_job_alone_may_have_every_slot() -> None:
    slots = Slots(lambda: 5)
    take(slots, "a", 5)
    assert slots.held("a") == 5


def test_a_slot_that_is_given_back_goes_to_who_waits() -> None:
    slots = Slots(lambda: 1)
    take(slots, "a", 1)
    waiting = Waiting(slots, "b")
    slots.release("a")
    waiting.join()
    assert (slots.held("a"), slots.held("b")) == (0, 1)


def test_the_end_of_a_job_waits_for_its_last_slot() -> None:
    slots = Slots(lambda: 2)
    take(slots, "a", 1)
    take(slots, "b", 1)
    assert not slots.wait_until_free("a", 0.0)
    waited: list[bool] = []
    (ending,) = start(lambda: waited.append(slots.wait_until_free("a", PATIENCE_S)))
    slots.release("a")
    ending.join(PATIENCE_S)
    assert waited == [True]


@pytest.mark.parametrize("held", [0, 3], ids=["who has none", "who has more"])
def test_of_two_jobs_that_wait_the_one_with_the_higher_priority_gets_the_next(held: int) -> None:
    slots = Slots(lambda: 4)
    take(slots, "urgent", held)
    take(slots, "idle", 4 - held)
    idle = Waiting(slots, "idle", priority=-1)
    urgent = Waiting(slots, "urgent", priority=1)
    slots.release("idle")
    urgent.join()
    assert idle.is_waiting
    assert slots.held("urgent") == held + 1


def test_a_lower_priority_gets_what_no_higher_one_waits_for() -> None:
    slots = Slots(lambda: 2)
    take(slots, "urgent", 1)
    slots.acquire("idle", -100, never)
    assert (slots.held("urgent"), slots.held("idle")) == (1, 1)


def test_an_urgent_job_that_is_stopped_lets_the_others_go_on() -> None:
    slots = Slots(lambda: 1)
    take(slots, "other", 1)
    idle = Waiting(slots, "idle", priority=-1)
    stop, looked = threading.Event(), threading.Event()

    def look() -> None:
        looked.set()
        if stop.is_set():
            raise Stopped

    def wait() -> None:
        with pytest.raises(Stopped):
            slots.acquire("urgent", 1, look)

    (urgent,) = start(wait)
    assert looked.wait(PATIENCE_S)
    stop.set()
    slots.release("other")
    urgent.join(PATIENCE_S)
    idle.join()
    assert (slots.held("urgent"), slots.held("idle")) == (0, 1)


def test_jobs_of_the_same_priority_share_evenly_what_a_higher_one_leaves() -> None:
    slots = Slots(lambda: 6)
    take(slots, "old", 4)
    take(slots, "urgent", 2)
    old = Waiting(slots, "old", priority=-1)
    for _ in range(2):
        new = Waiting(slots, "new", priority=-1)
        slots.release("old")
        new.join()
    assert (slots.held("urgent"), slots.held("old"), slots.held("new")) == (2, 2, 2)
    assert old.is_waiting
