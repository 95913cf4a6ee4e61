"""`manage.py drain`: the running server says goodbye to everybody, and stops."""

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from signalling.operators.controlclient import ControlClient, HungUp, NotAnswered
from signalling.operators.controlcommand import INTERRUPTED, ControlCommand
from signalling.operators.controlmessages import AnyQuestion, Drain, HowFar, Progressed
from signalling.operators.survey import Progress

POLL_SECONDS = 0.2
SPARE_SECONDS = 5.0
"""For the process to end, beyond the time in which it should have."""


class Command(ControlCommand):
    """The same as on the operators' page, and as SIGTERM."""

    help = (
        "Starts draining in the running server: nobody new is let in, everybody is told, and the process ends within "
        "limits.drain_seconds. Shows how far it has got until it has gone. "
        "Exit status: 0 it has gone, 1 it has not, 3 no server at the control socket."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See `help`."""
        super().add_arguments(parser)
        parser.add_argument("--no-wait", action="store_true", help="start it, and do not wait for the end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns when the server has gone. Raises CommandError when it has not, or was never there."""
        with self.server() as client:
            progress = _ask(client, Drain())
            self.stdout.write(told(progress))
            if options["no_wait"]:
                return
            try:
                self._follow(client, progress)
            except KeyboardInterrupt:
                self.stderr.write("the server goes on draining; nobody waits for it any more")
                raise SystemExit(INTERRUPTED) from None

    def _follow(self, client: ControlClient, progress: Progress) -> None:
        """Writes a line when something has changed, until the server has hung up."""
        deadline = time.monotonic() + progress.within + SPARE_SECONDS
        said = told(progress)
        try:
            while time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                now = told(_ask(client, HowFar()))
                if now != said:
                    self.stdout.write(now)
                    self.stdout.flush()
                said = now
        except HungUp:
            self.stdout.write("the server has gone")
            return
        raise CommandError("the server is still there: see its log")


def told(progress: Progress) -> str:
    """How far it has got, in a line."""
    waiting = f", {progress.exchanges} offers over HTTP" if progress.exchanges else ""
    return f"draining: {progress.left} of {progress.connections} connections left{waiting}"


def _ask(client: ControlClient, question: AnyQuestion) -> Progress:
    reply = client.ask(question)
    if not isinstance(reply, Progressed):
        raise NotAnswered("the server answers something else")
    return reply.progress
