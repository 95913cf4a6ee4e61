"""`manage.py runserver`: development, with the same server and the same fences as `serve`."""

from typing import Any

from daphne.management.commands.runserver import Command as DaphneCommand
from django.conf import settings


class Command(DaphneCommand):
    """Daphne's command on `localport` and with our server class."""

    default_port = str(settings.ROUNDTABLE.port)

    def handle(self, *args: Any, **options: Any) -> None:
        """The address given on the command line wins over the configuration's."""
        if not options["addrport"] and settings.ROUNDTABLE.host:
            options["addrport"] = f"{settings.ROUNDTABLE.host}:{settings.ROUNDTABLE.port}"
        super().handle(*args, **options)

    def server_cls(self, application: Any, **options: Any) -> Any:
        """Daphne's command makes its server here; the sizes and time-outs are ours."""
        from roundtable.asgi import control, runtime
        from roundtable.server import Server
        from signalling.operators.status import accounts

        accounts.announce()
        kept = ("endpoints", "signal_handlers", "action_logger", "root_path")
        return Server(application, runtime=runtime, control=control, **{name: options[name] for name in kept})
