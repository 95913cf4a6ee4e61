"""Operators' accounts in the database of a server under test. As a program it makes them and says by which cookie each
is logged in, for tests that are not about logging in.

It runs in a process of its own, with the server's configuration: a process has one database.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from tests.forking import completed
from tests.serverprocess import Server, surroundings

PASSWORD = "correct horse battery staple"
ADMINISTRATOR, ACTOR, VIEWER, STRANGER = "uther", "arthur", "vera", "mordred"
"""Who may do everything; who may see and act; who may see; who may log in."""
PERMISSIONS = {ACTOR: ("view_status", "act_on_status"), VIEWER: ("view_status",), STRANGER: ()}

Keys = dict[str, str]
"""The key of a session by the name of the account: the value of its cookie."""


def make_accounts(running: Server, environment: Mapping[str, str] | None = None) -> Keys:
    """Makes the database and the accounts of this server, which has this in its environment."""
    made = completed(
        ["-m", "tests.accounts"],
        surroundings() | {"ROUNDTABLE_CONFIG": str(running.folder / "config.yaml"), **(environment or {})},
    )
    made.check_returncode()
    keys: Keys = json.loads(made.stdout)
    return keys


def main() -> None:
    """Writes the keys as JSON."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "roundtable.settings"
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import Permission, User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    hashed = make_password(PASSWORD)  # once for all: it takes a while, as it should
    users = [User.objects.create(username=ADMINISTRATOR, password=hashed, is_staff=True, is_superuser=True)]
    for name, permissions in PERMISSIONS.items():
        user = User.objects.create(username=name, password=hashed, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        users.append(user)
    json.dump({user.get_username(): _logged_in(user) for user in users}, sys.stdout)


def _logged_in(user: Any) -> str:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


if __name__ == "__main__":
    main()
