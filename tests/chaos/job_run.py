"""One job, carried to its end by clients that may be killed, and the evidence of what came of it."""

import csv
import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from pixfarm.farm import LocalFarm
from tests.acceptance.processes import Running
from tests.chaos.checker import Evidence
from tests.chaos.sources import Base
from tests.chaos.trace_file import TraceFile

_ACCEPTED = re.compile(r"^ *job ([0-9A-Za-z_-]+): .* by ", re.MULTILINE)
_JOB = re.compile(r"\b(?:job|--attach) ([0-9a-f]{12})\b")
_UNREACHABLE, _USAGE = 3, 2
_ASK_AGAIN_S = 0.25
_CALL_TIMEOUT_S = 60.0


class NoEnd(AssertionError):
    """A job that did not end in time; the message holds what its client said last."""


class JobRun:
    """A job on one base path.

    Args:
        farm: where it runs.
        base: its images.
        folder: made here, for the client's output.
        arguments: further arguments of the client that submits.
    """

    def __init__(self, farm: LocalFarm, base: Base, folder: Path, *arguments: str) -> None:
        self.base = base
        self.job = ""
        self._farm = farm
        self._folder = folder
        self._arguments = arguments
        self._clients = 0
        self._was_accepted = False
        self._client = self._start(str(base.path), *arguments)

    def kill_client(self) -> bool:
        """Kills the client; False when it has not submitted yet, or is at its end."""
        client = self._client
        if client.process.poll() is not None or not _job_of(client):
            return False
        client.send(signal.SIGKILL)
        return True

    def wait(self, timeout_s: float) -> None:
        """Waits for the job's end; goes on with another client when one was killed or lost the server.

        Raises:
            NoEnd: it did not come in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                code = self._client.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._client.end()
                raise NoEnd(f"job {self.job} did not end within {timeout_s:g} s: {self._said()}") from None
            self.job = _job_of(self._client) or self.job
            self._was_accepted |= bool(_ACCEPTED.search(self._client.out() + self._client.err()))
            if code in {-signal.SIGKILL, _UNREACHABLE} and time.monotonic() < deadline:
                time.sleep(_ASK_AGAIN_S)
                again = ("--attach", self.job) if self.job else (str(self.base.path), *self._arguments)
                self._client = self._start(*again)
            elif code == _USAGE and self.job and not self._was_accepted and not self.is_known():
                self.job = ""  # lost on the way to the server: nobody was told otherwise
                self._client = self._start(str(self.base.path), *self._arguments)
            elif code in {0, 1}:
                return
            else:
                raise NoEnd(f"job {self.job}: the client left with {code}: {self._said()}")

    def is_known(self) -> bool:
        """Whether the server has the job."""
        return self._ask("--attach", self.job, "--json").returncode != _USAGE

    def report(self) -> dict[str, Any]:
        """The final report."""
        ended = self._ask("--attach", self.job, "--json")
        assert ended.returncode in {0, 1}, ended
        report: dict[str, Any] = json.loads(ended.stdout)
        return report

    def evidence(self, trace: TraceFile) -> Evidence:
        """All that is known of the job after its end."""
        path = self._folder / "images.csv"
        ended = self._ask("--report", self.job, "--csv", str(path))
        assert ended.returncode == 0, ended
        with path.open(newline="", encoding="utf-8") as file:
            states = [(row["filename"], row["state"]) for row in csv.DictReader(file)]
        return Evidence(
            job=self.job,
            expected=self.base.expected,
            report=self.report(),
            states=states,
            events=trace.of_job(self.job),
            output_dir=self.base.output_dir,
        )

    def _start(self, *arguments: str) -> Running:
        folder = self._folder / f"client_{self._clients}"
        folder.mkdir(parents=True)
        self._clients += 1
        return Running(self._farm.client_command(*arguments), folder, self._folder)

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A client that is started again while the server is away."""
        deadline = time.monotonic() + _CALL_TIMEOUT_S
        while True:
            ended = subprocess.run(
                self._farm.client_command(*arguments),
                capture_output=True,
                text=True,
                check=False,
                timeout=_CALL_TIMEOUT_S,
            )
            if ended.returncode != _UNREACHABLE or time.monotonic() > deadline:
                return ended
            time.sleep(_ASK_AGAIN_S)

    def _said(self) -> str:
        return f"{self._client.out()[-500:]} / {self._client.err()[-500:]}"


def _job_of(client: Running) -> str:
    match = _JOB.search(client.out()) or _JOB.search(client.err())
    return match[1] if match else ""
