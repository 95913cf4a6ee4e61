"""The event loop of `manage.py serve`: Twisted's asyncio reactor on uvloop."""

import asyncio
import sys

from twisted.internet import asyncioreactor


def install() -> None:
    """Installs the reactor. Comes before anything imports `daphne.server`, which would install one on a plain loop."""
    if "twisted.internet.reactor" in sys.modules:
        raise RuntimeError("a Twisted reactor is installed already")
    asyncioreactor.install(_new_event_loop())  # type: ignore[no-untyped-call]


def _new_event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":  # uvloop is not made for it
        return asyncio.SelectorEventLoop()
    import uvloop

    return uvloop.new_event_loop()
