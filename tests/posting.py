"""Offers over HTTP for tests: their bodies, what comes back, and a client that sends them from any loopback address."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.loopback import fresh_address

NIL_UUID = "00000000-0000-0000-0000-000000000000"
OFFER = {"type": "offer", "sdp": "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n"}
ANSWER = {"type": "answer", "sdp": "v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\ns=-\r\n"}
WITHIN_SECONDS = 10.0

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """A response: its headers by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The problem's code, if it has one."""
        code: str | None = self.json.get("code")
        return code

    @property
    def retry_after(self) -> int:
        return int(self.headers["retry-after"])

    def assert_problem(self, status: int, code: str | None) -> None:
        """It is problem details (RFC 9457, section 3) of this status and code."""
        assert (self.status, self.headers["content-type"]) == (status, "application/problem+json"), self
        problem = self.json
        assert (problem["status"], problem.get("code")) == (status, code)
        assert problem["type"] == "about:blank"
        assert all(isinstance(problem[field], str) and problem[field] for field in ("title", "detail", "instance"))


def offer(
    to: str = NIL_UUID,
    at: str = "",
    *,
    call: str | None = None,
    claiming: str = NIL_UUID,
    description: Mapping[str, str] = OFFER,
) -> bytes:
    """The body of an offer to the peer with this id, or at this `PublicIP`; `claiming` is who the caller says it is."""
    fields = {
        "AnsweringPeerID": {"Uuid": to, "PublicIP": at},
        "OfferingPeerID": {"Uuid": claiming, "PublicIP": ""},
        "OfferUUID": call or str(uuid.uuid4()),
        "WebRTCSessionDescription": description,
    }
    return json.dumps(fields, separators=(",", ":")).encode()


async def request(
    method: str, url: str, *, body: bytes | None = None, headers: Headers = (), source: str | None = None
) -> Reply:
    """One request, from this address or one that nobody has had before; cancelling it hangs up."""
    connector = aiohttp.TCPConnector(local_addr=(source or fresh_address(), 0), force_close=True)
    timeout = aiohttp.ClientTimeout(total=WITHIN_SECONDS)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
        session.request(method, url, data=body, headers=dict(headers), allow_redirects=False) as response,
    ):
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, names, await response.read())


async def post(server_url: str, body: bytes, *, headers: Headers = (), source: str | None = None) -> Reply:
    """Posts an offer to the server."""
    return await request("POST", f"{server_url}/signal", body=body, headers=headers, source=source)
