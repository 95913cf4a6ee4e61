"""What an answerer may do to whoever posts to it (T4, T7 to T10): one failure like any other, or the answer."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.addresses import AddressPolicy, IPAddress, Target
from signalling.codes import ErrorCode
from signalling.forward import FailureReason, Forwarder
from signalling.limits import Limits
from tests.answerers import (
    ANSWER,
    OFFER,
    Script,
    answering,
    canary,
    dripping,
    endless,
    listening,
    make_certificate,
    replying,
    tarpit,
)
from tests.forwarding import Asking, Names, forwarding

LONG = b'{"OfferUUID":null,"WebRTCSessionDescription":{"type":"answer","sdp":"%b"}}'
FULL = LONG % (b"x" * (65_536 - len(LONG) + 2))

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
EITHER = frozenset({FailureReason.TOO_LARGE, FailureReason.NOT_HTTP})
"""Cut off by its size as a body or as bytes, whichever comes first in what the kernel hands over."""

BAD_ANSWERERS: dict[str, tuple[Script, FailureReason | frozenset[FailureReason]]] = {
    "an error": (answering(b"", "500 Internal Server Error"), FailureReason.STATUS),
    "an answer with an error": (answering(ANSWER, "500 Internal Server Error"), FailureReason.STATUS),
    "201": (answering(ANSWER, "201 Created"), FailureReason.STATUS),
    "204": (replying(b"HTTP/1.1 204 No Content\r\n\r\n"), FailureReason.STATUS),
    "a page": (answering(b"<html>secret</html>"), FailureReason.NOT_AN_ANSWER),
    "nothing": (answering(b""), FailureReason.NOT_AN_ANSWER),
    "other JSON": (answering(b'{"secret":1}'), FailureReason.NOT_AN_ANSWER),
    "the offer": (answering(OFFER), FailureReason.NOT_AN_ANSWER),
    "deep JSON": (answering(b"[" * 60_000), FailureReason.NOT_AN_ANSWER),
    "too much": (answering(FULL + b" "), FailureReason.TOO_LARGE),
    "too much without end": (endless(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 4_096), EITHER),
    "too many chunks": (
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 1_000),
        EITHER,
    ),
    "a chunk without end": (
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 4_096),
        FailureReason.NOT_HTTP,
    ),
    "continues without end": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), FailureReason.NOT_HTTP),
    "another protocol": (replying(b"SSH-2.0-OpenSSH_9.6\r\n"), FailureReason.NOT_HTTP),
    "a broken head": (replying(b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"), FailureReason.NOT_HTTP),
    "a long header": (
        replying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9_000 + b"\r\n\r\n" + ANSWER),
        FailureReason.NOT_HTTP,
    ),
    "many headers": (
        replying(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 65 + b"\r\n" + ANSWER),
        FailureReason.NOT_HTTP,
    ),
    "headers without end": (endless(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n" * 100), FailureReason.NOT_HTTP),
    "a promise": (replying(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + ANSWER), FailureReason.NOT_HTTP),
    "a broken chunk": (
        replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        FailureReason.NOT_HTTP,
    ),
    "closes": (replying(b""), FailureReason.NOT_HTTP),
    "upgrades": (
        replying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        FailureReason.STATUS,
    ),
    "gzip": (answering(gzip.compress(ANSWER), headers="Content-Encoding: gzip\r\n"), FailureReason.ENCODED),
    "a false gzip": (answering(ANSWER, headers="content-encoding: GZIP\r\n"), FailureReason.ENCODED),
    "a bomb": (
        answering(gzip.compress(b" " * 50_000_000, compresslevel=1)[:48_000], headers="Content-Encoding: gzip\r\n"),
        FailureReason.ENCODED,
    ),
    "brotli": (answering(ANSWER, headers="Content-Encoding: br\r\n"), FailureReason.ENCODED),
    "gzip in transfer": (
        replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + gzip.compress(ANSWER)),
        FailureReason.NOT_AN_ANSWER,
    ),
}


class TestAnAnswerer:
    """T4, T7, T8, T9, T10: whatever it does, one Failed within the deadline, or the answer."""

    @pytest.mark.parametrize("case", BAD_ANSWERERS)
    async def test_t8_that_gives_no_answer_is_a_failure(self, case: str) -> None:
        script, reason = BAD_ANSWERERS[case]
        async with listening(script) as answerer, forwarding() as forwarder:
            assert await Asking(forwarder, answerer.target).failure() in (reason if reason is EITHER else {reason})
            assert answerer.connections == 1

    @settings(max_examples=60, deadline=None)
    @given(
        reply=st.binary(max_size=60), cut=st.integers(0, len(WHOLE)), dropped=st.integers(0, 20), status=st.booleans()
    )
    async def test_that_sends_anything_gives_an_answer_or_is_a_failure(
        self, reply: bytes, cut: int, dropped: int, status: bool
    ) -> None:
        garbage = WHOLE[:cut] + reply + WHOLE[cut + dropped :] if status else reply
        async with listening(replying(garbage)) as answerer, forwarding() as forwarder:
            asking = Asking(forwarder, answerer.target)

            assert await asking.outcome() in {"answered", *FailureReason}
            assert asking.admitted == 1

    async def test_that_is_not_there_is_a_failure(self) -> None:
        async with forwarding() as forwarder:
            assert await Asking(forwarder, Target("http", "127.0.0.1", unused_port())).failure() == "unreachable"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_t4_that_redirects_is_not_followed(self, status: int) -> None:
        async with canary() as elsewhere:
            script = answering(ANSWER, f"{status} Elsewhere", f"Location: http://127.0.0.1:{elsewhere.port}/signal\r\n")
            async with listening(script) as answerer, forwarding() as forwarder:
                assert await Asking(forwarder, answerer.target).failure() == "status"

            assert len(answerer.requests) == 1
            assert elsewhere.connections == 0

    @pytest.mark.parametrize(
        "script",
        [
            answering(FULL),
            answering(headers="Content-Encoding: identity\r\n"),
            answering(headers="Content-Type: text/plain; charset=utf-8\r\n"),
            replying(b"HTTP/1.1 200 OK\r\n\r\n" + ANSWER),
            replying(b"HTTP/1.0 200 OK\r\n\r\n" + ANSWER),
            replying(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + ANSWER),
            replying(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ANSWER), ANSWER)
            ),
            dripping(b"HTTP/1.1 200 OK\r\n\r\n" + ANSWER, seconds=0.0001),
        ],
        ids=["64 KiB", "identity", "as Go says", "no length", "HTTP/1.0", "continue", "chunked", "slow"],
    )
    async def test_that_answers_is_heard(self, script: Script) -> None:
        async with listening(script) as answerer, forwarding() as forwarder:
            assert b'"answer"' in await Asking(forwarder, answerer.target).answer()

    @pytest.mark.parametrize(
        "script",
        [
            tarpit,
            dripping(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 60),
            dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + ANSWER + b" " * 300),
        ],
        ids=["silent", "drips its head", "drips its body"],
    )
    async def test_t9_that_takes_too_long_meets_one_deadline(self, script: Script) -> None:
        async with listening(script) as answerer, forwarding(timeout=0.2) as forwarder:
            began = asyncio.get_running_loop().time()

            assert await Asking(forwarder, answerer.target).failure() == "timeout"
            assert 0.19 <= asyncio.get_running_loop().time() - began < 1
            await asyncio.wait_for(answerer.hung_up.wait(), 5)

    async def test_t9_that_never_shakes_hands_meets_the_same_deadline(self) -> None:
        async with listening(tarpit) as answerer, forwarding(timeout=0.2) as forwarder:
            assert await Asking(forwarder, Target("https", "127.0.0.1", answerer.port)).failure() == "timeout"
            assert not answerer.requests

    async def test_t9_whose_name_takes_too_long_meets_the_same_deadline(self) -> None:
        async def never(host: str) -> Sequence[IPAddress]:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        forwarder = Forwarder(
            policy=AddressPolicy(), limits=Limits(), timeout=0.05, via="roundtable.example", resolve=never
        )
        async with asyncio.timeout(1):
            assert await Asking(forwarder, Target("http", "slow.example", 1066)).failure() == "unresolved"
        assert len(forwarder) == 1  # the lookup goes on, and is counted

        await forwarder.close()
        assert len(forwarder) == 0

    async def test_t9_a_good_one_is_heard_beside_300_offers_to_tarpits(self) -> None:
        async with AsyncExitStack() as stack:
            pits = [await stack.enter_async_context(listening(tarpit)) for _ in range(5)]
            good = await stack.enter_async_context(listening(answering()))
            forwarder = await stack.enter_async_context(forwarding())
            stuck = [
                asyncio.ensure_future(Asking(forwarder, pits[number % 5].target, f"source {number % 60}").outcome())
                for number in range(300)
            ]
            await asyncio.gather(*(asyncio.wait_for(pit.asked.wait(), 5) for pit in pits))

            async with asyncio.timeout(1):
                await Asking(forwarder, good.target).answer()

            assert sum(pit.connections for pit in pits) <= 5 * 4
            for asking in stuck:
                asking.cancel()
            outcomes = await asyncio.gather(*stuck, return_exceptions=True)
            assert outcomes.count(ErrorCode.LIMIT_EXCEEDED) == 280


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate("answerer.example", tmp_path_factory.mktemp("tls") / "certificate.pem")


class TestTLS:
    """Certificates are verified for the name that was asked for, though its address is dialled."""

    @pytest.fixture
    def serving(self, certificate: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        return context

    @pytest.fixture
    def trusting(self, certificate: Path) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=certificate)

    async def test_the_named_answerer_is_believed(self, serving: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
        async with listening(answering(), tls=serving) as answerer:
            names = Names(answerer_example=[["127.0.0.1"]])
            async with forwarding(resolve=names, tls=trusting) as forwarder:
                target = Target("https", "answerer.example", answerer.port)
                assert await Asking(forwarder, target).answer() == ANSWER

        assert answerer.requests[0].headers["host"] == f"answerer.example:{answerer.port}"

    @pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
    async def test_another_name_is_not(self, host: str, serving: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
        names = Names(other_example=[["127.0.0.1"]])
        async with (
            listening(answering(), tls=serving) as answerer,
            forwarding(resolve=names, tls=trusting) as forwarder,
        ):
            assert await Asking(forwarder, Target("https", host, answerer.port)).failure() == "unreachable"

        assert not answerer.requests

    async def test_nor_is_a_certificate_of_its_own_making(self, serving: ssl.SSLContext) -> None:
        names = Names(answerer_example=[["127.0.0.1"]])
        async with listening(answering(), tls=serving) as answerer, forwarding(resolve=names) as forwarder:
            target = Target("https", "answerer.example", answerer.port)
            assert await Asking(forwarder, target).failure() == "unreachable"

        assert not answerer.requests
