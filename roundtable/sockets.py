"""What a client may make a WebSocket of the launcher's do, whichever program reads its frames, and how it ends."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from roundtable.inbox import Inbox
from signalling.codes import CloseCode
from signalling.throttle import Bucket

RESTARTING = 1012
"""IANA's registry of close codes: service restart. For what the application has not closed in time."""
ABNORMAL = 1006
"""RFC 6455, section 7.4.1: no close frame came."""
GRACE_SECONDS = 0.25
"""For the kernel to take what was written; what it does not take in that time, the client does not read."""
SHUT_OUT_SECONDS = 0.25
"""For a client that is one too many to answer the close frame. It counts nowhere, so it must not stay."""
MAX_REASON_BYTES = 123
"""RFC 6455, section 5.5: a control frame carries 125 bytes, two of which are the close code."""
CLOSING_SECONDS = 3
"""For the client to answer a close frame. Autobahn's default of 1 is rounded down to whole seconds of the clock, so it
may be over at once, and then the reset overtakes the close frame."""
LINGER_SECONDS = 1.0
"""For a flooding client to read why it is cut off: a connection that is closed with bytes unread is reset."""
SILENT_SECONDS = 0.25
"""The same for one that says nothing any more."""
RUNT_BYTES = 1024
"""An unfinished fragment that is shorter costs more to take up than it brings."""


class Socket:
    """One WebSocket: a mixin for the class by which a server program reads and writes its frames."""

    launcher: Any
    last_heard = 0.0
    """When anything came, pongs included: seconds of the server's running clock."""
    last_pinged = 0.0
    due = 0.0
    """When the sweep has to look at this one again: at most times there is nothing to do about any of ten thousand."""
    is_paused = False
    """Nothing is read: the application has enough to do, or the client is cut off."""
    is_cut_off = False
    _is_judged = False
    """Too much was unsent a moment ago."""
    runts: Bucket | None = None
    """What control frames and tiny fragments are taken from; most connections never need it."""

    # What the server program has to do

    @property
    @abstractmethod
    def is_established(self) -> bool:
        """Whether the handshake is over, and no close frame was sent."""

    @property
    @abstractmethod
    def inbox(self) -> Inbox:
        """What the application has yet to take."""

    @property
    @abstractmethod
    def unsent(self) -> int:
        """Bytes that were written and have not left for the kernel."""

    @property
    @abstractmethod
    def address(self) -> Any:
        """The client's, for the log."""

    @abstractmethod
    def later(self, seconds: float, action: Callable[[], object]) -> object:
        """Does this after so many seconds."""

    @abstractmethod
    def ping(self) -> None:
        """Sends one."""

    @abstractmethod
    def say_goodbye(self, code: int, reason: str) -> None:
        """Sends the close frame, unless one was sent before."""

    @abstractmethod
    def _pause(self) -> None:
        """Reads nothing more."""

    @abstractmethod
    def _resume(self) -> None:
        """Reads again, unless it is not paused, or nothing more may come."""

    @abstractmethod
    def drop(self) -> None:
        """Ends the connection, when what was written has left."""

    @abstractmethod
    def abort(self) -> None:
        """Ends it at once."""

    # What the application takes up

    async def receive(self) -> Any:
        """The next event, once there is one. When half of what may wait is worked off, more is read."""
        event = await self.inbox.get()
        if self.inbox.qsize() == self.launcher.limits.inbound_frames // 2:
            self._resume_soon()
        return event

    def _resume_soon(self) -> None:
        """In a turn of its own, when others have had theirs."""
        if self.is_paused and not self.is_cut_off:
            asyncio.get_running_loop().call_soon(self._resume)

    # Floods

    def _affords_runt(self) -> bool:
        """Takes one control frame or tiny fragment from the allowance, if there is any left."""
        limits = self.launcher.limits
        if self.runts is None:
            self.runts = Bucket(limits.small_frames_per_second, limits.small_frames_burst)
        return not self.runts.take(time.monotonic())

    def _cut_off(self) -> None:
        """Says why, once, and takes up nothing more."""
        self._note_refusal("small_frames_per_second", "too many control frames or fragments")
        self.is_cut_off = True
        self._pause()
        self.say_goodbye(CloseCode.RATE_LIMITED, "too many control frames or fragments")
        self.later(LINGER_SECONDS, self.abort)

    # Who does not read

    def _drop_if_unread(self) -> None:
        """Looks again in a moment: what a resumed session has missed is written before the kernel gets any of it."""
        if not self._has_much_unsent():
            return
        limits = self.launcher.limits
        if self.unsent > limits.unsent_bytes + limits.buffer_bytes:
            self._judge()
        elif not self._is_judged:
            self._is_judged = True
            self.later(GRACE_SECONDS, self._judge)

    def _judge(self) -> None:
        """Drops it without a close frame, for that would have to wait behind all the rest."""
        self._is_judged = False
        if self._has_much_unsent():
            self._note_refusal("unsent_bytes", "slow consumer", unsent=self.unsent)
            self.abort()

    def _has_much_unsent(self) -> bool:
        return self.is_established and self.unsent > self.launcher.limits.unsent_bytes

    # Who is silent, and who must go

    def check_timeouts(self) -> None:
        """Called at every tick of the server's clock: pings, and notices silence.

        Daphne measures by the wall clock, which may jump, and uvicorn by a timer for each connection, which goes on
        while the process is stopped. Both end it otherwise than with 4002.
        """
        if not self.is_established or self.is_paused:
            return
        clock, limits = self.launcher.clock, self.launcher.limits
        if clock.has_passed(limits.silence_seconds, self.last_heard):
            self._note_refusal("silence_seconds", "no heartbeat")
            self.say_goodbye(CloseCode.NO_HEARTBEAT, "no heartbeat")
            self.later(SILENT_SECONDS, self._drop_silent)
        elif clock.seconds - self.last_pinged >= limits.heartbeat_seconds:
            self.last_pinged = clock.seconds
            self.ping()
        else:
            silent = self.last_heard + limits.silence_seconds + clock.tick_seconds
            self.due = min(silent, self.last_pinged + limits.heartbeat_seconds)

    def close(self, code: int, reason: str) -> None:
        """The application closes it."""
        self.say_goodbye(code, reason)
        if code == CloseCode.TOO_MANY_CONNECTIONS:
            self.later(SHUT_OUT_SECONDS, self._drop_silent)

    def _drop_silent(self) -> None:
        """Whoever was silent for so long answers no close frame; what cannot be written is not waited for."""
        if self.unsent > 0:
            self.abort()
        else:
            self.drop()

    def _note_refusal(self, limit: str, event: str, **fields: Any) -> None:
        """One of `limits` has refused this client something."""
        self.launcher.note_refusal(limit, event, client=self.address, **fields)
