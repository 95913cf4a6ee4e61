"""The ASGI application. Importing it makes a process a serving one: it opens and truncates the log."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "roundtable.settings")
_pages = get_asgi_application()

from django.conf import settings  # noqa: E402 (settings are configured by now)

from roundtable import logs  # noqa: E402
from signalling.announcement import announce  # noqa: E402
from signalling.layers import configured_layer  # noqa: E402
from signalling.operators.control import ControlSocket  # noqa: E402
from signalling.routing import Router  # noqa: E402
from signalling.runtime import Runtime  # noqa: E402

logs.start_serving()
announce(settings.ROUNDTABLE)
runtime = Runtime(settings.ROUNDTABLE, configured_layer())
control = ControlSocket(settings.ROUNDTABLE.controlsocket, runtime.desk)
application = Router(runtime, _pages, control)
