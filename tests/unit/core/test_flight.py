import threading

import pytest

from pixfarm.flight import Flight
from tests.unit.core.farm_parts import BASE, PATIENCE_S, machines, start

NODE_1, NODE_2 = machines(2)


def flight() -> Flight:
    return Flight(BASE, "a.jpg", lambda _flight: None)


def test_a_flight_knows_its_calls_until_they_are_answered() -> None:
    one = flight()
    with one.call("x-1", NODE_1):
        (call,) = one.calls()
        assert (call.attempt_id, call.machine) == ("x-1", NODE_1)
    assert one.calls() == ()


def test_a_flight_may_be_with_two_nodes_the_first_one_first() -> None:
    one = flight()
    with one.call("x-1", NODE_1), one.call("x-2", NODE_2):
        assert [call.machine for call in one.calls()] == [NODE_1, NODE_2]
        assert one.calls()[0].sent_at <= one.calls()[1].sent_at


def test_a_call_that_ends_in_an_error_is_over() -> None:
    one = flight()
    with pytest.raises(ZeroDivisionError), one.call("x-1", NODE_1):
        raise ZeroDivisionError
    assert one.calls() == ()


def test_a_flight_is_over_before_its_end_is_noted_and_told_of_after() -> None:
    told: list[str] = []
    one = Flight(BASE, "a.jpg", lambda ended: told.append(ended.filename))
    assert not one.is_over
    with one.end() as is_first:
        assert (is_first, one.is_over, told) == (True, True, [])
    assert told == ["a.jpg"]


def test_who_comes_second_has_nothing_to_note() -> None:
    told: list[Flight] = []
    one = Flight(BASE, "a.jpg", told.append)
    with one.end():
        pass
    with one.end() as is_first:
        assert not is_first
    assert told == [one]


def test_an_end_whose_noting_fails_is_an_end() -> None:
    told: list[Flight] = []
    one = Flight(BASE, "a.jpg", told.append)
    with pytest.raises(ZeroDivisionError), one.end():
        raise ZeroDivisionError
    assert (told, one.is_over) == ([one], True)


def test_of_twenty_that_end_a_flight_at_once_one_is_the_first() -> None:
    for _ in range(3):
        told: list[Flight] = []
        firsts: list[bool] = []
        one = Flight(BASE, "a.jpg", told.append)
        all_there = threading.Barrier(20)

        def end(
            one: Flight = one, firsts: list[bool] = firsts, barrier: threading.Barrier = all_there
        ) -> None:
            barrier.wait(PATIENCE_S)
            with one.end() as is_first:
                firsts.append(is_first)

        for thread in start(end, map(str, range(20))):
            thread.join(PATIENCE_S)
        assert (sum(firsts), len(firsts), told) == (1, 20, [one])
