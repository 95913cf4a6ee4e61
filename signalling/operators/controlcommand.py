"""What the commands share that ask the running server: how they reach it, and how they end when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from signalling.management.configuration import explain_config_path
from signalling.operators.controlclient import ControlClient, NoServer, NotAnswered, connected

FAILED, NO_SERVER, INTERRUPTED = 1, 3, 130
"""Exit statuses; 2 is that of a command that was not understood."""


class ControlCommand(BaseCommand):
    """A command that is about the server of this configuration. It reads neither the database nor the log."""

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which server it is about."""
        explain_config_path(parser)

    @contextmanager
    def server(self) -> Iterator[ControlClient]:
        """The running server. Raises CommandError, with the exit status, when it cannot be reached or refuses."""
        try:
            with connected(settings.ROUNDTABLE.controlsocket) as client:
                yield client
        except NoServer as error:
            raise CommandError(str(error), returncode=NO_SERVER) from error
        except NotAnswered as error:
            raise CommandError(str(error), returncode=FAILED) from error
