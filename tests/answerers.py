"""HTTP servers that an offer may be posted to, good and bad: a script of bytes behind a loopback socket."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from signalling.addresses import Target

CALL = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
OFFER = (
    b'{"AnsweringPeerID":{"Uuid":"00000000-0000-0000-0000-000000000000","PublicIP":"http://127.0.0.1:1067"},'
    b'"OfferingPeerID":{"Uuid":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","PublicIP":""},'
    b'"OfferUUID":"%b","WebRTCSessionDescription":{"type":"offer","sdp":"v=0\\r\\n"}}' % CALL.encode()
)
ANSWER = b'{"OfferUUID":"%b","WebRTCSessionDescription":{"type":"answer","sdp":"v=0\\r\\n"}}' % CALL.encode()

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """One request as it came: the first line, the headers by lower-case name, the body, and who sent it."""

    line: str
    headers: dict[str, str]
    body: bytes
    peer: str


@dataclass
class Answerer:
    """What a listener saw: connections, bytes without a whole request, requests, and who hung up before the end."""

    host: str
    port: int
    scheme: str = "http"
    connections: int = 0
    received: bytes = b""
    requests: list[Request] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def target(self) -> Target:
        return Target(self.scheme, self.host, self.port)


@asynccontextmanager
async def listening(
    script: Script, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Answerer]:
    """A server that reads each request whole and then does what the script says."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        answerer.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                answerer.requests.append(await _read_request(answerer, reader, writer))
                answerer.asked.set()
                await _until_hung_up(script(writer), reader, answerer)
        finally:
            connections.discard(task)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    answerer = Answerer(host, server.sockets[0].getsockname()[1], "https" if tls else "http")
    try:
        yield answerer
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


def canary(host: str = "127.0.0.1", port: int = 0) -> AbstractAsyncContextManager[Answerer]:
    """A listener that nothing may ever reach."""
    return listening(replying(b"HTTP/1.1 200 OK\r\n\r\n" + ANSWER), host, port)


def replying(reply: bytes) -> Script:
    """Sends these bytes and closes."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()

    return script


def answering(body: bytes = ANSWER, status: str = "200 OK", headers: str = "") -> Script:
    """Sends a response as Go's net/http would."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return replying(head.encode() + body)


async def tarpit(writer: asyncio.StreamWriter) -> None:
    """Takes the request and never says anything."""
    await asyncio.Event().wait()


def dripping(reply: bytes, seconds: float = 0.01) -> Script:
    """Sends the reply a byte at a time."""

    async def script(writer: asyncio.StreamWriter) -> None:
        for byte in reply:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(seconds)

    return script


def endless(head: bytes, chunk: bytes) -> Script:
    """Sends a head, and then the same again and again."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()

    return script


def make_certificate(host: str, path: Path) -> Path:
    """Writes a certificate that this host made for itself, and its key, to one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


async def _read_request(answerer: Answerer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        answerer.received += error.partial
        raise
    line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value for name, value in (header.split(": ", 1) for header in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(line, headers, body, writer.get_extra_info("peername")[0])


async def _until_hung_up(script: Awaitable[None], reader: asyncio.StreamReader, answerer: Answerer) -> None:
    """Runs the script, unless the client goes before it ends."""
    running = asyncio.ensure_future(script)
    gone = asyncio.ensure_future(reader.read())
    try:
        await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
        if not running.done() or running.exception():
            answerer.hung_up.set()
    finally:
        for task in (running, gone):
            task.cancel()
        await asyncio.gather(running, gone, return_exceptions=True)
