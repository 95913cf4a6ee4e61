"""`manage.py check`: Django's own command, with the checks of this server."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands.check import Command as DjangoCommand

from roundtable.secretkey import random_key
from signalling.management.configuration import explain_config_path
from signalling.operators.checks import register_all


class Command(DjangoCommand):
    """Django's checks and ours; `--deploy` looks at this machine, too."""

    help = (
        "Checks the configuration, and with --deploy this machine, and gives advice. It changes nothing, also beside "
        "a running server. Exit status 1: something will not work; --fail-level WARNING: or could be better."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Django's own, and which configuration it is about."""
        super().add_arguments(parser)
        explain_config_path(parser)

    def handle(self, *app_labels: Any, **options: Any) -> None:
        """Raises SystemCheckError when something is as bad as `--fail-level`."""
        register_all()
        # Django's own check of the key would make the file, whose owner were then whoever runs this. We have our own.
        settings.SECRET_KEY = random_key()
        super().handle(*app_labels, **options)
