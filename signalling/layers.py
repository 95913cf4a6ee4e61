"""Channels' in-memory channel layer without its faults: groups whose cost does not depend on who else is connected.

Channels' own walks all channels and groups on every receive and group send (52 ms a relay with 10,000 peers), drops
in silence beyond 100 messages, and removes members whose messages are a minute, or membership a day, old. Here nothing
expires, and whoever reads too slowly is told so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.core.exceptions import ImproperlyConfigured

Event = dict[str, Any]
Deliver = Callable[[Event], None]


def configured_layer() -> DirectChannelLayer:
    """The default layer of Django's CHANNEL_LAYERS. Raises ImproperlyConfigured when it is another kind."""
    layer = get_channel_layer()
    if not isinstance(layer, DirectChannelLayer):
        raise ImproperlyConfigured("CHANNEL_LAYERS must name signalling.layers.DirectChannelLayer")
    return layer


class Mailbox:
    """What waits on a channel for its reader."""

    __slots__ = ("events", "overflowed", "reader")

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.overflowed = False
        self.reader: asyncio.Future[None] | None = None

    async def take(self, channel: str) -> Event:
        """The next event. Raises ChannelFull, once the rest is read, when some had to be dropped."""
        while not self.events:
            if self.overflowed:
                self.overflowed = False
                raise ChannelFull(channel)
            self.reader = asyncio.get_running_loop().create_future()
            await self.reader
        return self.events.popleft()

    def wake(self) -> None:
        """Lets the reader go on."""
        if self.reader is not None and not self.reader.done():
            self.reader.set_result(None)


class DirectChannelLayer(InMemoryChannelLayer):
    """The channel layer of one process.

    A channel is either attached, and gets its events at once by a call, in the order in which they are sent; or it is
    read with `receive`, as in Channels. The senders wait for neither. Events are shared by their receivers, not copied.
    """

    def __init__(self, capacity: int = 1_000, **options: Any) -> None:
        super().__init__(capacity=capacity, **options)
        self._groups: dict[str, dict[str, None]] = {}
        self._memberships: dict[str, set[str]] = {}
        self._attached: dict[str, Deliver] = {}
        self._mailboxes: dict[str, Mailbox] = {}

    # Attached channels

    def attach(self, channel: str, deliver: Deliver) -> None:
        """From now on the channel's events go to `deliver`, which must neither wait nor raise."""
        self._attached[channel] = deliver

    def detach(self, channel: str) -> None:
        """The channel is gone, from all its groups too."""
        self._attached.pop(channel, None)
        self._mailboxes.pop(channel, None)
        for group in self._memberships.pop(channel, set()):
            self._leave(group, channel)

    # Groups, without waiting

    def join(self, group: str, channel: str) -> None:
        """As group_add."""
        self._groups.setdefault(group, {})[channel] = None
        self._memberships.setdefault(channel, set()).add(group)

    def leave(self, group: str, channel: str) -> None:
        """As group_discard."""
        memberships = self._memberships.get(channel)
        if memberships is None or group not in memberships:
            return
        memberships.remove(group)
        if not memberships:
            del self._memberships[channel]
        self._leave(group, channel)

    def publish(self, group: str, event: Event) -> None:
        """As group_send: one call or one append for each member."""
        for channel in list(self._groups.get(group, ())):
            if channel in self._groups.get(group, ()):  # it may have left because of what an earlier member did
                self._put(channel, event)

    def is_member(self, channel: str) -> bool:
        """Whether the channel is in a group."""
        return channel in self._memberships

    def census(self) -> dict[str, int]:
        """How many groups have members, and how many channels there are, in a group or not."""
        channels = self._memberships.keys() | self._attached.keys() | self._mailboxes.keys()
        return {"groups": len(self._groups), "channels": len(channels)}

    def _leave(self, group: str, channel: str) -> None:
        members = self._groups[group]
        del members[channel]
        if not members:
            del self._groups[group]

    def _put(self, channel: str, event: Event) -> bool:
        """Whether there was room."""
        deliver = self._attached.get(channel)
        if deliver is not None:
            deliver(event)
            return True
        mailbox = self._mailboxes.setdefault(channel, Mailbox())
        if len(mailbox.events) >= self.capacity:
            mailbox.overflowed = True
            return False
        mailbox.events.append(event)
        mailbox.wake()
        return True

    # Channels' interface

    async def send(self, channel: str, message: Event) -> None:
        """Raises ChannelFull when the channel's reader is too slow."""
        self.require_valid_channel_name(channel)
        if not self._put(channel, message):
            raise ChannelFull(channel)

    async def receive(self, channel: str) -> Event:
        """The next event. Raises ChannelFull, once the rest is read, when events for this channel had to be dropped."""
        self.require_valid_channel_name(channel)
        mailbox = self._mailboxes.setdefault(channel, Mailbox())
        try:
            return await mailbox.take(channel)
        finally:  # a reader that gives up leaves nothing behind either
            if not mailbox.events and not mailbox.overflowed:
                self._mailboxes.pop(channel, None)

    async def group_add(self, group: str, channel: str) -> None:
        """Puts the channel into the group."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        self.join(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Takes the channel out of the group."""
        self.leave(group, channel)

    async def group_send(self, group: str, message: Event) -> None:
        """Sends to all members. A member whose queue is full learns it when it reads on."""
        self.require_valid_group_name(group)
        self.publish(group, message)

    async def flush(self) -> None:
        """Forgets everything."""
        self._groups.clear()
        self._memberships.clear()
        self._attached.clear()
        self._mailboxes.clear()
