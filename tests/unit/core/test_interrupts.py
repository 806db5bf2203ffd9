import signal

import pytest

from pixfarm.interrupts import Interrupts


def test_the_first_ctrl_c_only_counts_and_the_second_leaves() -> None:
    interrupts = Interrupts()
    with interrupts.caught():
        signal.raise_signal(signal.SIGINT)
        assert interrupts.count == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts().caught():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_sigterm_unwinds_the_client() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, Interrupts().caught():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_ctrl_c_leaves_a_job_that_is_not_ours_at_once() -> None:
    interrupts = Interrupts(cancels=False)
    with interrupts.caught(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
