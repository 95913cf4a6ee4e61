"""Applications of the tests, served by the launcher in place of ours."""

from __future__ import annotations

import os
import sys
from typing import Any


def serve(application: Any, server: str) -> None:
    """Serves it by this program, with the configuration that the environment names, until the process is to stop."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "roundtable.settings")
    import django

    django.setup()
    from django.conf import settings

    from roundtable import logs
    from signalling.management.commands.serve import program
    from signalling.operators.control import ControlSocket
    from signalling.runtime import Runtime

    serve_by_it = program(server)
    logs.start_serving()
    runtime = Runtime(settings.ROUNDTABLE)
    serve_by_it(application, runtime, ControlSocket(None, runtime.desk))


def command(module: str, server: str) -> list[str]:
    """That which runs a module of such an application."""
    return [sys.executable, "-m", module, server]
