"""`manage.py serve`: the way to run the server."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from signalling.management.configuration import explain_config_path

SERVERS = ("daphne", "uvicorn")
NOT_UNDERSTOOD = 2


class Command(BaseCommand):
    """Serves in this process, at the host and port of the configuration."""

    help = "Runs the server at the address of the configuration, until it is told to stop (SIGTERM or Ctrl+C)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which program reads and writes the bytes, and the configuration."""
        explain_config_path(parser)
        parser.add_argument(
            "--server", default="daphne", metavar="|".join(SERVERS), help="the program that serves (daphne)"
        )

    def handle(self, *args: Any, server: str, **options: Any) -> None:
        """Returns when the server has stopped. Raises CommandError when it cannot listen, or is not there."""
        from roundtable import openfiles
        from roundtable.listening import check_free

        configuration = settings.ROUNDTABLE
        serve = program(server)
        try:
            check_free(configuration.host, configuration.port)
        except OSError as error:
            where = f"{configuration.host or '*'}:{configuration.port}"
            raise CommandError(f"cannot listen on {where}: {error.strerror or error}") from error

        from roundtable.asgi import application, control, runtime  # opens the log
        from signalling.operators.status import accounts

        openfiles.prepare(configuration.limits)
        accounts.announce()
        failure = serve(application, runtime, control)
        if failure is not None:
            raise CommandError(failure)


def program(server: str) -> Any:
    """The function by which this one serves. Raises CommandError when there is none, or it is not installed."""
    if server not in SERVERS:
        raise CommandError(
            f"--server: {server!r} is not allowed; allowed: {' or '.join(SERVERS)}", returncode=NOT_UNDERSTOOD
        )
    if server == "daphne":
        from roundtable import reactor

        reactor.install()  # before anything imports daphne
        from roundtable.server import serve as on_daphne

        return on_daphne
    try:
        from roundtable.onuvicorn.server import serve as on_uvicorn
    except ModuleNotFoundError as missing:
        raise CommandError(
            f"--server uvicorn: {missing.name} is not installed: make uvicorn", returncode=NOT_UNDERSTOOD
        ) from None
    return on_uvicorn
