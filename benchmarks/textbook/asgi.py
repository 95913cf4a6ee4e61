"""Its application."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.textbook.settings")
django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from benchmarks.textbook.consumer import RelayConsumer  # noqa: E402

consumer: Any = RelayConsumer.as_asgi()  # Django's types know of views only
routes: Any = [path("signal", consumer)]
application = ProtocolTypeRouter({"websocket": URLRouter(routes)})
