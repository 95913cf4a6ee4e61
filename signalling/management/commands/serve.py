"""`manage.py serve`: the way to run the server."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Serves with daphne in this process, at the host and port of the configuration."""

    help = "Runs the server at the address of the configuration, until it is told to stop (SIGTERM or Ctrl+C)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Returns when the server has stopped. Raises CommandError when it cannot listen."""
        from roundtable import openfiles, reactor
        from roundtable.listening import check_free

        reactor.install()  # before anything imports daphne
        from roundtable.server import serve

        configuration = settings.ROUNDTABLE
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
