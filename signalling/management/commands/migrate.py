"""`manage.py migrate`: Django's own command, for a database that only its owner can read."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import connections


class Command(DjangoCommand):
    """A new database is made private first: it holds password hashes, and the sessions of those who are logged in."""

    def handle(self, *app_labels: Any, **options: Any) -> None:
        """Raises what Django's own does. The mode of a database that is there is its owner's business."""
        accounts = settings.ROUNDTABLE.database
        if connections[options["database"]].settings_dict["NAME"] == accounts:  # tests have theirs in memory
            make_private(accounts)
        super().handle(*app_labels, **options)


def make_private(path: Path) -> None:
    """Makes the file for its owner only (0600), if there is none; SQLite gives its -wal and -shm the same mode."""
    with suppress(OSError):  # whatever is wrong, SQLite says it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
