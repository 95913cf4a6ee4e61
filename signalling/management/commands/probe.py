"""`manage.py probe`: makes a call through a server, for people and for monitoring."""

import argparse
import asyncio
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from signalling.operators.probe import Place, place, probe
from signalling.operators.probefindings import Step
from signalling.operators.terminal import plain

DEFAULT_SECONDS = 10.0
MOST_SECONDS = 300.0


class Command(BaseCommand):
    """Two synthetic peers, a call between them over WebSockets, and one over POST."""

    help = (
        "Makes a call through a signalling server, as two peers on WebSockets, and one over POST /signal; says how "
        "long each step took. It needs no account, and leaves nothing behind. "
        "Exit status: 0 all well, 1 a step failed, 2 the command was not understood, 3 no connection."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """See `help`."""
        parser.add_argument(
            "url", type=_place, help="where the server is: http(s)://host[:port] or ws(s)://…, with or without /signal"
        )
        parser.add_argument(
            "--timeout", type=_seconds, default=DEFAULT_SECONDS, metavar="S", help="seconds for all of it (default: 10)"
        )
        parser.add_argument("--json", action="store_true", help="write one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes what was found. Raises SystemExit with its status unless all is well."""
        if options["json"]:
            finding = asyncio.run(probe(options["url"], options["timeout"]))
            self.stdout.write(json.dumps(finding.as_object()))
        else:
            finding = asyncio.run(probe(options["url"], options["timeout"], self._tell))
            (self.stderr if finding.failure else self.stdout).write(finding.last_line)
        if finding.status:
            raise SystemExit(finding.status)

    def _tell(self, step: Step) -> None:
        """At once: a later step may take long."""
        self.stdout.write(str(step))
        self.stdout.flush()


def _place(text: str) -> Place:
    try:
        return place(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{plain(text)}: {error}") from error


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{plain(text)}: seconds over 0, at most {MOST_SECONDS:.0f}, are expected")
    return seconds
