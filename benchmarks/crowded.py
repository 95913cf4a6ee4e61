"""A server with many sessions in it, for benchmarks: `manage.py serve` as it is, but that its peers have no sockets.

The sessions are made in the process (10,000 sockets would need as many files here and there, and say nothing more
about pages), and keep coming and going. It says on its standard output, a JSON value a line: first an administrator's
cookie, and after each SIGUSR1 by how many milliseconds the event loop was late since the last time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signalling.runtime import Runtime

FOR_EVER_SECONDS = 86_400.0
TOLD_SECONDS = 0.5
"""How often the loop looks whether it is to tell."""


def main() -> None:
    """`python -m benchmarks.crowded SESSIONS`, with ROUNDTABLE_CONFIG in the environment; ends when it is killed."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "roundtable.settings"
    from roundtable import reactor

    reactor.install()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _serve(int(sys.argv[1]), _cookie())


def _cookie() -> str:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    connection.close()
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _serve(sessions: int, cookie: str) -> None:
    from django.conf import settings

    from roundtable.asgi import application, runtime
    from roundtable.server import Server, endpoints, reactor

    tasks: list[asyncio.Task[None]] = []

    def begin() -> None:
        loop = asyncio.get_event_loop_policy().get_event_loop()
        tasks.append(loop.create_task(_crowd(sessions, runtime, cookie)))

    reactor.callWhenRunning(begin)
    configuration = settings.ROUNDTABLE
    Server(application, runtime=runtime, endpoints=endpoints(configuration.host, configuration.port)).run()


async def _crowd(sessions: int, runtime: Runtime, cookie: str) -> None:
    """Makes them, says that they are there, and lets them come and go."""
    from benchmarks.status_page import Hall

    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, asked.set)
    hall = Hall(sessions, runtime)
    _say(cookie)
    await asyncio.gather(hall.come_and_go(FOR_EVER_SECONDS), _tell_lags(asked))


async def _tell_lags(asked: asyncio.Event) -> None:
    from benchmarks.password_lag import lag_milliseconds

    lags: list[float] = []
    while True:
        lags += await lag_milliseconds(TOLD_SECONDS)
        if asked.is_set():
            asked.clear()
            _say(sorted(lags))
            lags = []


def _say(value: Any) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
