"""What `manage.py check --deploy` says about where it runs: TLS, files, rights and what is installed.

It looks and changes nothing: no log is opened, no database and no secret key is made. Rights are those of whoever runs
it, so it is to be run as the user that the server runs as.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error, Warning

from roundtable import openfiles, secretkey
from roundtable.commandline import command_line
from roundtable.mistakes import shown_path
from signalling.operators import socketplace
from signalling.operators.status import accounts

if TYPE_CHECKING:
    from roundtable.config import Configuration

FIRST_FREE_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
OWN_STATUS = Path("/proc/self/status")
CAP_NET_BIND_SERVICE = 10
"""capabilities(7), as a bit of `CapEff`."""
STATIC_FILES = ("signalling/roundtable.js", "admin/css/base.css")


def advice(configuration: Configuration) -> Iterator[CheckMessage]:
    """All that the operator of this machine should be told."""
    yield from about_tls(configuration)
    yield from about_port(configuration.port)
    yield from about_open_files(openfiles.needed(configuration.limits), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield from about_database(configuration.database)
    yield from about_secrecy_of_database(configuration.database)
    yield from about_secret_key(configuration.secretkeyfile)
    yield from about_static_files()
    if configuration.logfile is not None and configuration.loglevel != "none":
        yield from about_log(configuration.logfile)
    if configuration.controlsocket is not None:
        yield from about_control_socket(configuration.controlsocket)
    yield from about_acceleration()


def about_tls(configuration: Configuration) -> Iterator[CheckMessage]:
    """Whether operators log in by https, as far as the configuration tells."""
    if not configuration.is_behind_tls:
        yield Warning(
            "Operators log in without TLS: whoever is on their way reads passwords and cookies. Only over loopback, an "
            "SSH tunnel or a VPN is that well.",
            hint="Let a proxy end TLS (docs/deployment.md), and set this to the address that it has: https://...",
            obj="publicaddress",
            id="roundtable.W022",
        )


def about_port(port: int) -> Iterator[CheckMessage]:
    """Whether this user may listen there."""
    if 0 < port < _first_free_port() and not _may_bind_any():
        yield Error(
            f"This user may not listen on port {port}.",
            hint="Listen above 1023 behind a proxy, or give the service AmbientCapabilities=CAP_NET_BIND_SERVICE.",
            obj="localport",
            id="roundtable.E010",
        )


def about_open_files(needed: int, allowed: int) -> Iterator[CheckMessage]:
    """Whether as many files may be open as the limits can come to need."""
    if allowed != resource.RLIM_INFINITY and needed > allowed:
        yield Warning(
            f"The limits need {needed} open files, and {allowed} are allowed here.",
            hint="Raise LimitNOFILE (a service may have more than this shell has), or lower limits.connections.",
            obj="limits.connections",
            id="roundtable.W011",
        )


def about_database(path: Path) -> Iterator[CheckMessage]:
    """Whether operators can log in."""
    if not os.access(path.parent, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        yield Warning(
            f"{shown_path(path)} cannot be written by this user: SQLite needs the file and its directory.",
            hint="Run this check as the user that the server runs as; let the database be in a directory of its own.",
            obj="database",
            id="roundtable.W012",
        )
    elif want := accounts.wanting(path):
        yield Warning(
            f"Nobody can log in to the operators' pages: {want.words}. Signalling does without.",
            hint=f"Run {command_line(want.command)}",
            obj="database",
            id="roundtable.W013" if want is accounts.DATABASE else "roundtable.W014",
        )


def about_secrecy_of_database(path: Path) -> Iterator[CheckMessage]:
    """Whether it is its owner's only."""
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Warning(
            f"Others can read {shown_path(path)}: it holds password hashes, and the sessions of who is logged in.",
            hint="chmod 600 it, and the files beside it that end in -wal and -shm.",
            obj="database",
            id="roundtable.W021",
        )


def about_secret_key(path: Path, environ: Mapping[str, str] = os.environ) -> Iterator[CheckMessage]:
    """Whether the key is its owner's only, and cannot be guessed. None yet is well: it is made when it is needed."""
    key = environ.get(secretkey.VARIABLE, "").strip()
    if not key and path.exists():
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Warning(
                f"Others can read {shown_path(path)}: with it, they can log in as an operator.",
                hint="chmod 600; if others may have read it, delete it and restart, which logs everybody out.",
                obj="secretkeyfile",
                id="roundtable.W015",
            )
        with suppress(OSError, ValueError):
            key = path.read_text(encoding="ascii").strip()
    if key and len(key) < secretkey.MIN_CHARACTERS:
        yield Warning(
            f"The secret key has fewer than {secretkey.MIN_CHARACTERS} characters.",
            hint="Let the server make one: delete the file, unset the variable, and restart.",
            obj="secretkeyfile",
            id="roundtable.W019",
        )


def about_static_files(names: tuple[str, ...] = STATIC_FILES) -> Iterator[CheckMessage]:
    """Whether the files that pages need are installed."""
    missing = [name for name in names if finders.find(name) is None]
    if missing:
        yield Error(
            f"Static files are missing: {', '.join(missing)}.",
            hint="Install everything again: make clean, and then make run.",
            obj="static files",
            id="roundtable.E016",
        )


def about_log(path: Path) -> Iterator[CheckMessage]:
    """Whether it could be opened for writing, which is not tried: a running server may be writing it."""
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        yield Error(
            f"{shown_path(path)} cannot be written by this user: the server would not start.",
            hint="Let its directory exist, and belong to the user that the server runs as.",
            obj="logfile",
            id="roundtable.E017",
        )


def about_control_socket(path: Path) -> Iterator[CheckMessage]:
    """Whether `manage.py sessions` and the like will reach the server."""
    is_too_long = len(os.fsencode(path)) > socketplace.MOST_BYTES
    if is_too_long or not os.access(path.parent, os.W_OK | os.X_OK):
        why = f"it is longer than {socketplace.MOST_BYTES} bytes" if is_too_long else "its directory cannot be written"
        yield Warning(
            f"{shown_path(path)} cannot be a socket of this user's: {why}.",
            hint="Name another place, such as /run/roundtable/control.sock, or '' to do without.",
            obj="controlsocket",
            id="roundtable.W020",
        )


def about_acceleration() -> Iterator[CheckMessage]:
    """Whether frames are unmasked and validated in C: autobahn 26.10 does it in Python where that was not built."""
    from autobahn.websocket import USES_NVX

    if not USES_NVX:
        yield Warning(
            "autobahn runs without its native code (NVX): each frame costs several times as much.",
            hint="Install a wheel for this platform, and do not set AUTOBAHN_USE_NVX=0.",
            obj="autobahn",
            id="roundtable.W018",
        )


def _first_free_port() -> int:
    try:
        return int(FIRST_FREE_PORT.read_text())
    except (OSError, ValueError):
        return 1024


def _may_bind_any() -> bool:
    try:
        lines = OWN_STATUS.read_text().splitlines()
    except OSError:
        return os.geteuid() == 0
    effective = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
    return bool(effective >> CAP_NET_BIND_SERVICE & 1)
