"""Its consumer: a group for each peer, and a message that goes to the group of whom it names."""

from typing import Any
from uuid import uuid4

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class RelayConsumer(AsyncJsonWebsocketConsumer):
    """One peer."""

    async def connect(self) -> None:
        """Gives it an id and a group."""
        self.peer = str(uuid4())
        await self.channel_layer.group_add(f"peer.{self.peer}", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Its group goes with it."""
        await self.channel_layer.group_discard(f"peer.{self.peer}", self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Relays a message, or tells a newcomer its id."""
        if content["type"] == "hello":
            await self.send_json({"type": "welcome", "peer": self.peer})
            return
        to = content.pop("to")
        message = {**content, "from": self.peer}
        await self.channel_layer.group_send(f"peer.{to}", {"type": "relay.message", "message": message})

    async def relay_message(self, event: dict[str, Any]) -> None:
        """What another peer has said to this one."""
        await self.send_json(event["message"])
