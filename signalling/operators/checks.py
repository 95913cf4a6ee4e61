"""What `manage.py check` says about the configuration: what is allowed, but hardly what a server for others needs.

What config.py warns of at every start is not said again. Nothing here looks at the machine (machinechecks.py). The
checks are registered by the command alone: `migrate` and `runserver` run all that Django knows, each time, and what
matters at a start is in the log by then (announcement.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Info, Warning, register

from signalling.addresses import parse_authority, parse_ip
from signalling.operators import machinechecks
from signalling.turn import IceServers

if TYPE_CHECKING:
    from roundtable.config import Configuration

TAG = "roundtable"
MIN_SECRET_CHARACTERS = 22
"""Base64 of 128 bits: everybody who gets a credential can try secrets against it, as fast as they can compute."""
USUAL_STOP_SECONDS = 90
"""systemd's default TimeoutStopSec; after it comes SIGKILL."""


def register_all() -> None:
    """Makes the checks known to Django's command, with the tag `roundtable`."""

    @register(TAG)
    def about_configuration(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
        return list(advice(settings.ROUNDTABLE))

    @register(TAG, deploy=True)
    def about_machine(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
        return list(machinechecks.advice(settings.ROUNDTABLE))


def advice(configuration: Configuration) -> Iterator[CheckMessage]:
    """All that this configuration should be told."""
    yield from _about_address(configuration)
    yield from _about_ice(configuration)
    yield from _about_strangers(configuration)
    if configuration.limits.drain_seconds > USUAL_STOP_SECONDS:
        yield Warning(
            f"Supervisors usually kill a process {USUAL_STOP_SECONDS} s after they told it to stop.",
            hint="Lower it, or give the supervisor more time, such as systemd's TimeoutStopSec.",
            obj="limits.drain_seconds",
            id="roundtable.W009",
        )


def _about_address(configuration: Configuration) -> Iterator[CheckMessage]:
    if configuration.publicaddress is None:
        yield Warning(
            "Each client is given the Host of its own request as this server's address, which may lead nobody else "
            "here.",
            hint="Set it to the address by which everybody reaches this server: https://signal.example.org",
            obj="publicaddress",
            id="roundtable.W001",
        )
    if configuration.is_behind_tls and not configuration.trustedproxies:
        yield Warning(
            "The public address is https, so a proxy ends TLS; it is not trusted, so that all clients seem to come "
            "from it and share what one address is allowed.",
            hint='Name the proxy\'s address, as the log shows it for every client: ["127.0.0.1/32"]',
            obj="trustedproxies",
            id="roundtable.W002",
        )


def _about_ice(configuration: Configuration) -> Iterator[CheckMessage]:
    ice = IceServers(configuration.iceservers, configuration.turn)
    if not ice.has_stun:
        yield Warning(
            "Clients are told of no STUN or TURN server: peers behind different NATs will not connect.",
            hint="Name one in iceservers, or a coturn in turn.",
            obj="iceservers, turn",
            id="roundtable.W003",
        )
    elif not ice.has_turn:
        yield Info(
            "Clients are told of no TURN server: peers whose NATs admit no direct path will not connect.",
            hint="Run a coturn with use-auth-secret, and name it in turn.",
            obj="turn",
            id="roundtable.I004",
        )
    if configuration.turn is not None and len(configuration.turn.secret) < MIN_SECRET_CHARACTERS:
        yield Warning(
            f"The secret has fewer than {MIN_SECRET_CHARACTERS} characters. Whoever gets a credential can guess it at "
            "leisure, and then relay through your TURN server for ever.",
            hint="Make one with `openssl rand -base64 24`, here and in coturn's static-auth-secret.",
            obj="turn.secret",
            id="roundtable.W005",
        )


def _about_strangers(configuration: Configuration) -> Iterator[CheckMessage]:
    private = [str(network) for network in configuration.forwardallow if not network.is_global]
    if private and _is_public(configuration.public_host):
        yield Warning(
            f"Strangers can have offers posted into {', '.join(private)}, networks behind this public server.",
            hint="Take them out, unless answerers there are meant to be reached by everybody.",
            obj="forwardallow",
            id="roundtable.W006",
        )
    if "*" in (configuration.allowedhosts or ()):
        yield Warning(
            "Pages are served under any name that somebody lets point here, the operators' pages too.",
            hint="Name the hosts, or leave it unset: then it is the host of publicaddress.",
            obj="allowedhosts",
            id="roundtable.W007",
        )
    if configuration.callpage and configuration.allowedorigins is None and _is_public(configuration.public_host):
        yield Info(
            "Any web page may use this server for its calls, not only /call/.",
            hint=f"If that is not meant: [{configuration.publicaddress}]",
            obj="allowedorigins",
            id="roundtable.I008",
        )


def _is_public(host: str | None) -> bool:
    """Whether strangers come by this name or address; no name at all may be for anybody."""
    if host is None:
        return False
    name = parse_authority(host).host.rstrip(".")
    address = parse_ip(name)
    return name != "localhost" if address is None else address.is_global
