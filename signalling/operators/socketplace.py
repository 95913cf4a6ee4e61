"""The place of a Unix socket in the file system: taken without taking it from anybody, and left as it was found.

A socket's file outlives a process that was killed, so one that nobody answers at is cleared away. One that somebody
answers at is left alone, and so is whatever is no socket. Nothing here knows what is said over it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 107
"""Of a path: `sun_path` holds 108 with its end (unix(7))."""
BACKLOG = 16
LOCK_SECONDS = 1.0
"""Taking a place needs the directory for less than a millisecond."""
_LOCK_POLL_SECONDS = 0.02


class NotTaken(Exception):
    """The place cannot be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A listening socket, with mode 0600, and the file by which it is found."""

    path: Path
    listener: socket.socket
    file: tuple[int, int]
    """Device and inode: by these one's own file is told from a successor's of the same name."""
    process: int

    def leave(self) -> None:
        """Removes the file, if it is still this one and this is the process that made it. Twice is once.

        The listener is closed after this: while it answers, nobody else takes the place.
        """
        with suppress(OSError):
            if os.getpid() == self.process and _file(self.path) == self.file:
                os.unlink(self.path)


def take(path: Path) -> Place:
    """Listens at this path; waits a second at most. Raises NotTaken."""
    if len(os.fsencode(path)) > MOST_BYTES:
        raise NotTaken(f"the path is longer than {MOST_BYTES} bytes, which no Unix socket may have")
    try:
        with _alone_in(path.parent):
            return _listening(path)
    except OSError as error:
        raise NotTaken(error.strerror or str(error)) from error


def _listening(path: Path) -> Place:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        with suppress(OSError):
            # On Linux the file gets the mode of the socket; elsewhere chmod is in time as well, for nobody can connect
            # before listen(2). The umask would do, too, but is that of all threads.
            os.fchmod(listener.fileno(), 0o600)
        _bind(listener, path)
        os.chmod(path, 0o600)
        listener.listen(BACKLOG)
        return Place(path, listener, _file(path), os.getpid())
    except BaseException:
        listener.close()
        raise


def _bind(listener: socket.socket, path: Path) -> None:
    try:
        listener.bind(os.fspath(path))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        _clear(path)
        listener.bind(os.fspath(path))


def _clear(path: Path) -> None:
    """Removes a socket that nobody listens at. Raises NotTaken for anything else."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise NotTaken("there is a file of that name, which is no socket; it is left alone")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.setblocking(False)
        outcome = caller.connect_ex(os.fspath(path))
    if outcome in (0, errno.EAGAIN):  # EAGAIN: its backlog is full
        raise NotTaken("another server listens there")
    if outcome != errno.ECONNREFUSED:
        raise OSError(outcome, os.strerror(outcome))
    os.unlink(path)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Nobody else takes a place here meanwhile; else two could both find it stale, and clear away each other's."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOCK_POLL_SECONDS)


def _file(path: Path) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino
