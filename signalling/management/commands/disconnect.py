"""`manage.py disconnect`: ends the session of one peer of the running server."""

import argparse
from typing import Any

from django.core.management.base import CommandError, CommandParser

from signalling.identity import canonical_uuid
from signalling.operators.controlcommand import FAILED, ControlCommand
from signalling.operators.controlmessages import Disconnect, Disconnected
from signalling.operators.terminal import plain


class Command(ControlCommand):
    """The same as on the operators' page."""

    help = (
        "Ends the session of a peer, which may not come back for limits.ban_seconds. "
        "Exit status: 0 done, 1 it is not here, 2 that is no peer's id, 3 no server at the control socket."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See `help`."""
        super().add_arguments(parser)
        parser.add_argument("peer", type=_peer, help="the peer's id, as `manage.py sessions` lists it")
        parser.add_argument(
            "--ban-address", action="store_true", help="refuse its address, too (of IPv6 the /64), and all behind it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when that peer is not here."""
        peer = options["peer"]
        with self.server() as client:
            reply = client.ask(Disconnect(peer=peer, ban_address=options["ban_address"]))
        if not isinstance(reply, Disconnected) or not reply.was_here:
            raise CommandError(f"{peer} is not here", returncode=FAILED)
        self.stdout.write(f"{peer} is disconnected")


def _peer(text: str) -> str:
    peer = canonical_uuid(text.strip())
    if peer is None:
        raise argparse.ArgumentTypeError(f"{plain(text)} is no peer's id: all 36 characters of it are needed")
    return peer
