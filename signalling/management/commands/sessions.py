"""`manage.py sessions`: who is connected to the running server."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import msgspec
from django.core.management.base import CommandParser

from signalling.operators.controlclient import ControlClient, NotAnswered
from signalling.operators.controlcommand import INTERRUPTED, ControlCommand
from signalling.operators.controlmessages import Sessions, SessionsFound
from signalling.operators.sessionlines import session_lines, summary
from signalling.operators.survey import Page, SessionRow

REFRESH_SECONDS = 1.0
PER_PAGE = 500
LATEST_FIRST = ("since", "last_seen", "open_calls", "messages_in", "messages_out")
"""Columns that begin with the latest, or the most."""
COLUMNS = (*LATEST_FIRST, "peer", "name", "transport", "address", "state", "software")
CLEARED = "\x1b[H\x1b[2J"
"""ECMA-48: the cursor to the first place, and everything erased."""
LINES_BESIDES = 3
"""Of a terminal: the head, the summary, and where the cursor is."""


class Command(ControlCommand):
    """The list of sessions, once or live."""

    help = (
        "Lists the sessions of the running server, and the callers over HTTP who wait for an answer. "
        "Exit status 3: no server at the control socket."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See `help`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--search", default="", metavar="WORDS", help="only those with these words, anywhere in the line"
        )
        parser.add_argument("--sort", default="since", choices=COLUMNS, help="a column (default: since, latest first)")
        parser.add_argument("--reverse", action="store_true", help="the other way round")
        parser.add_argument("--json", action="store_true", help="JSON instead of a table; with --watch one line each")
        parser.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes the list. Raises CommandError when there is no server."""
        descending = (options["sort"] in LATEST_FIRST) != options["reverse"]
        question = Sessions(search=options["search"], sort=options["sort"], descending=descending, per_page=PER_PAGE)
        try:
            with self.server() as client:
                if options["watch"]:
                    self._watch(client, question, as_json=options["json"])
                self._write(pages(client, question), as_json=options["json"])
        except BrokenPipeError:  # whoever read it has had enough, as `head` does; the exit must not try again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except KeyboardInterrupt:  # --watch has no other end
            raise SystemExit(0 if options["watch"] else INTERRUPTED) from None

    def _watch(self, client: ControlClient, question: Sessions, *, as_json: bool) -> NoReturn:
        """In a terminal as many lines as it has, else all, again and again. Raises NotAnswered in the end."""
        is_screen = self.stdout.isatty() and not as_json
        while True:
            if is_screen:
                question.per_page = max(1, shutil.get_terminal_size().lines - LINES_BESIDES)
                self.stdout.write(CLEARED, ending="")
            shown = pages(client, question)
            self._write([next(shown)] if is_screen else shown, as_json=as_json)
            self.stdout.flush()
            time.sleep(REFRESH_SECONDS)

    def _write(self, found: Iterable[Page[SessionRow]], *, as_json: bool) -> None:
        listed = list(found)
        rows = [row for page in listed for row in page.rows]
        last = listed[-1]
        if as_json:
            listing = {"total": last.total, "matching": last.matching, "sessions": rows}
            self.stdout.write(msgspec.json.encode(listing).decode())
            return
        columns = shutil.get_terminal_size().columns if self.stdout.isatty() else None
        for line in (*session_lines(rows, columns), summary(last)):
            self.stdout.write(_encodable(line))


def pages(client: ControlClient, question: Sessions) -> Iterator[Page[SessionRow]]:
    """All pages, each as it is when it is asked for. Raises NotAnswered."""
    number = 1
    while True:
        reply = client.ask(msgspec.structs.replace(question, page=number))
        if not isinstance(reply, SessionsFound):
            raise NotAnswered("the server answers something else")
        yield reply.page
        if number >= reply.page.pages:
            return
        number += 1


def _encodable(line: str) -> str:
    """The line as far as the terminal's own encoding goes."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
