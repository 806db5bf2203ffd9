"""What callers are told when the server's journal cannot be used."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from pixfarm.errors import AnswerLost, InvalidRequest, StateUnusable
from pixfarm.model import JobSpec, Machine, Strategy
from pixfarm.wire import ServerCaller
from tests.integration.quiet_tiers import QuietServer, listening, quiet_server
from tests.integration.raw_peers import HOST


class JournallessServer(QuietServer):
    """A server whose journal cannot be used."""

    def submit_request(self, spec):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        raise StateUnusable("the journal is damaged")

    def job_status(self, job_id):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        raise StateUnusable("the journal is damaged")


@pytest.fixture
def caller() -> Iterator[ServerCaller]:
    with (
        listening(quiet_server(JournallessServer())) as listener,
        closing(ServerCaller(Machine("server", HOST, listener.port))) as caller,
    ):
        yield caller


@pytest.mark.parametrize(
    "ask",
    [
        lambda caller: caller.submit_request(JobSpec("j", "/pics", Strategy.RANDOM)),
        lambda caller: caller.pause_job("j"),
        lambda caller: caller.resume_job("j"),
        lambda caller: caller.job_images("j"),
    ],
    ids=["submit", "pause", "resume", "images"],
)
def test_a_journal_that_cannot_be_used_is_told_to_whoever_may_be_told(
    caller: ServerCaller, ask: Callable[[ServerCaller], object], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidRequest, match="the journal is damaged"):
        ask(caller)
    assert [record.getMessage() for record in caplog.records] == [
        "a request is refused: the journal is damaged"
    ]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "ask",
    [
        lambda caller: caller.job_status("j"),
        lambda caller: caller.cancel_job("j"),
        lambda caller: caller.list_jobs(),
    ],
    ids=["status", "cancel", "list"],
)
def test_who_cannot_be_told_of_a_journal_that_cannot_be_used_gets_no_answer(
    caller: ServerCaller, ask: Callable[[ServerCaller], object], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AnswerLost):
        ask(caller)
    assert [record.getMessage() for record in caplog.records] == [
        "a request is not answered: the journal is damaged"
    ]
    assert "Traceback" not in caplog.text
