"""The control socket of a serving process: what the operator's commands ask, and the desk answers. On the event loop.

Who may open the file may ask; there is no other check. It is never what signalling waits for: without it, everything
but those commands works.
"""

from __future__ import annotations

import asyncio
import atexit
import socket
import struct
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from roundtable.logs import logger
from signalling.operators.controlmessages import (
    MOST_BYTES,
    AnyQuestion,
    AnyReply,
    Disconnect,
    Disconnected,
    Drain,
    HowFar,
    Progressed,
    Refused,
    Sessions,
    SessionsFound,
    decode_question,
    encode,
)
from signalling.operators.socketplace import NotTaken, Place, take
from signalling.operators.survey import BadQuery

if TYPE_CHECKING:
    from signalling.operators.desk import Desk

log = logger("roundtable.control")

MOST_CLIENTS = 8
IDLE_SECONDS = 60.0
"""For a client to ask something, and to take its reply: one that was stopped must not keep its place for ever."""
_UCRED = struct.Struct("3i")
"""`struct ucred` of unix(7): process, user, group."""


class ControlSocket:
    """One for each process that serves; without a path it does nothing."""

    def __init__(self, path: Path | None, desk: Desk, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._path = path
        self._desk = desk
        self._idle_seconds = idle_seconds
        self._opening: asyncio.Task[None] | None = None
        self._place: Place | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    def open_soon(self) -> None:
        """Begins to listen, once; a place that cannot be had is a warning and nothing else."""
        if self._path is None or self._opening is not None:
            return
        # In a context of its own: it is not about the request that happened to come first.
        self._opening = asyncio.get_running_loop().create_task(self._open(self._path), context=Context())

    async def opened(self) -> bool:
        """Whether it listens, as soon as that has been settled."""
        if self._opening is not None:
            await self._opening
        return self._server is not None

    async def close(self) -> None:
        """Leaves the place and hangs up."""
        await self.opened()
        if self._place is not None:
            self._place.leave()
        if self._server is not None:
            self._server.close()
        for writer in list(self._clients):
            writer.close()

    async def _open(self, path: Path) -> None:
        try:
            place = await asyncio.to_thread(self._take, path)  # it may wait for another process
        except NotTaken as error:
            log.warning("no control socket: commands cannot reach this server", controlsocket=path, reason=error)
            return
        # A socket of ours: given a path, asyncio (3.11) would remove any socket there, another server's too.
        self._server = await asyncio.start_unix_server(self._serve, sock=place.listener, limit=MOST_BYTES)
        log.debug("control socket opened", controlsocket=path)

    def _take(self, path: Path) -> Place:
        """Leaving is the process's last deed, too: bare daphne tells nobody of its end."""
        self._place = take(path)
        atexit.register(self._place.leave)
        return self._place

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from question to question."""
        self._clients.add(writer)
        try:
            if len(self._clients) > MOST_CLIENTS:
                await self._say(writer, Refused(why=f"{MOST_CLIENTS} commands are connected already"))
                return
            await self._converse(reader, writer)
        except TimeoutError:
            writer.transport.abort()  # closing would wait until everything is taken
        except ConnectionError:
            pass
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(self._idle_seconds):
                    line = await reader.readline()
            except ValueError:  # over the limit; where the next line begins is unknown
                await self._say(writer, Refused(why=f"a question has at most {MOST_BYTES} bytes"))
                return
            if not line.endswith(b"\n"):
                return
            await self._say(writer, self._reply(line, writer))

    async def _say(self, writer: asyncio.StreamWriter, reply: AnyReply) -> None:
        """Raises TimeoutError when it is not taken: no more than one reply ever waits."""
        writer.write(encode(reply) + b"\n")
        async with asyncio.timeout(self._idle_seconds):
            await writer.drain()

    def _reply(self, line: bytes, writer: asyncio.StreamWriter) -> AnyReply:
        try:
            question = decode_question(line)
            return self._answer(question, writer)
        except (msgspec.DecodeError, RecursionError, BadQuery) as error:
            return Refused(why=str(error))
        except Exception:  # a fault of ours is no reason to hang up
            log.exception("a command could not be answered")
            return Refused(why="the server has made a mistake: see its log")

    def _answer(self, question: AnyQuestion, writer: asyncio.StreamWriter) -> AnyReply:
        desk = self._desk
        match question:
            case Sessions():
                return SessionsFound(page=desk.sessions(question.query))
            case Disconnect(peer=peer, ban_address=ban_address):
                log.info("a command disconnects", peer=peer, ban_address=ban_address, user=_user(writer))
                return Disconnected(was_here=desk.disconnect(peer, ban_address=ban_address))
            case Drain():
                log.info("a command starts draining", user=_user(writer))
                desk.drain()
                return Progressed(progress=desk.progress())
            case HowFar():
                return Progressed(progress=desk.progress())


def _user(writer: asyncio.StreamWriter) -> int | None:
    """The number of the user who asks, as the kernel tells it (Linux)."""
    with suppress(OSError, AttributeError):
        credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return int(_UCRED.unpack(credentials)[1])
    return None
