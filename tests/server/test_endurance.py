"""What befalls a process: everybody at once, no more files, a stop, a wall clock that jumps (R3, R7, R16, R21)."""

import asyncio
import resource
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.loopback import fresh_address
from tests.posting import ANSWER, NIL_UUID, OFFER, offer, post
from tests.server.connections import connection
from tests.server.sleeper import sleeper
from tests.server.sockets import DeafSocket, peer_from
from tests.serverprocess import Server, command, server
from tests.waiting import until
from tests.wsclient import Peer

HANDSHAKE = (
    b"GET /signal HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
WITHIN_SECONDS = 20.0


async def test_r3_two_thousand_sockets_at_once_all_get_in() -> None:
    """The process is stopped while they connect, so that truly all of them wait at once."""
    addresses = [fresh_address() for _ in range(100)]
    with server({"loglevel": "info"}) as running:
        async with AsyncExitStack() as stack:
            running.process.send_signal(signal.SIGSTOP)
            dialling = [connection(running, addresses[number % 100]) for number in range(2_000)]
            try:
                async with asyncio.timeout(WITHIN_SECONDS):
                    sockets = await asyncio.gather(*map(stack.enter_async_context, dialling))
            finally:
                running.process.send_signal(signal.SIGCONT)
            for socket in sockets:
                socket.send(HANDSHAKE)
            async with asyncio.timeout(WITHIN_SECONDS):
                heads = await asyncio.gather(*(socket.reader.readuntil(b"\r\n\r\n") for socket in sockets))
            assert {head.split(b"\r\n")[0] for head in heads} == {b"HTTP/1.1 101 Switching Protocols"}


class TestStopped:
    LIMITS = {"heartbeat_seconds": 0.4, "silence_seconds": 1.2, "hello_seconds": 5}  # noqa: RUF012
    STOPPED_SECONDS = 2.5

    async def test_r7_a_process_that_was_stopped_loses_nobody_and_keeps_the_order(self) -> None:
        with server({"limits": self.LIMITS}) as running:
            async with AsyncExitStack() as stack:
                peers = [await stack.enter_async_context(Peer.welcomed(running.ws_url)) for _ in range(20)]
                await asyncio.sleep(self.LIMITS["heartbeat_seconds"])
                running.process.send_signal(signal.SIGSTOP)
                for number in range(50):
                    for peer in peers:
                        await peer.send("ping", id=str(number))
                await asyncio.sleep(self.STOPPED_SECONDS)
                running.process.send_signal(signal.SIGCONT)
                for peer in peers:
                    pongs = [await peer.expect("pong") for _ in range(50)]
                    assert [pong["id"] for pong in pongs] == [str(number) for number in range(50)]
                await asyncio.sleep(2 * self.LIMITS["silence_seconds"])
                for peer in peers:
                    await peer.expect_nothing_else()

    async def test_r7_what_came_while_it_was_stopped_came_in_time(self) -> None:
        with server({"timeout": 1, "limits": {"hello_seconds": 1}}) as running:
            async with (
                Peer.welcomed(running.ws_url) as ada,
                Peer.welcomed(running.ws_url) as bob,
                Peer.connected(running.ws_url) as late,
            ):
                call = await ada.dial(bob.id, OFFER)
                await bob.expect("offer")
                running.process.send_signal(signal.SIGSTOP)
                await late.send("hello")
                await bob.answer(call, ANSWER)
                await asyncio.sleep(self.STOPPED_SECONDS)
                running.process.send_signal(signal.SIGCONT)
                await late.expect("welcome")
                await ada.expect("answer", call=call)

    async def test_r7_who_really_is_silent_is_noticed_afterwards(self) -> None:
        with server({"limits": self.LIMITS}) as running:
            async with DeafSocket.opened(running.ws_url) as deaf:
                deaf.send_text('{"type":"hello"}')
                await deaf.text()
                running.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(self.STOPPED_SECONDS)
                running.process.send_signal(signal.SIGCONT)
                assert await deaf.close_code() == 4002


HOUR = 3600
TIMERS = {"heartbeat_seconds": 0.5, "silence_seconds": 4, "hello_seconds": 4, "request_seconds": 4}
RATES = {"posts_per_second": 0.1, "posts_burst": 3}
NOTICED_SECONDS = 2.2
"""Until libfaketime looks at its file again; at every call would be ten times slower."""


class WallClock:
    """The time of day as a process under libfaketime sees it; its monotonic clock goes on undisturbed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "offset"
        self.set(0)
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")  # Debian's package `faketime`
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset_seconds: int) -> None:
        """So far is it from the true time from now on."""
        self._file.write_text(f"{offset_seconds:+d}s\n")


@pytest.fixture
def wall_clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path)


@pytest.fixture
def jumpy(wall_clock: WallClock) -> Iterator[Server]:
    config = {"loglevel": "info", "timeout": 5, "limits": TIMERS | RATES}
    with server(config, environment=wall_clock.environment) as running:
        yield running


@pytest.mark.parametrize("jump_hours", [2, -2, 25])
async def test_r16_a_wall_clock_that_jumps_disturbs_nothing(
    wall_clock: WallClock, jumpy: Server, jump_hours: int
) -> None:
    """Nothing that is open closes, an offer that waits is answered, and every timer fires in its time."""
    async with (
        Peer.welcomed(jumpy.ws_url) as ada,
        Peer.welcomed(jumpy.ws_url) as bob,
        DeafSocket.opened(jumpy.ws_url) as deaf,
        connection(jumpy) as slow,
        connection(jumpy) as kept,
        peer_from(fresh_address(), jumpy.ws_url) as mute,
    ):
        deaf.send_text('{"type":"hello"}')
        await deaf.text()
        slow.send(b"GET /healthz HTTP/1.1\r\n")
        kept.send(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (await kept.response())[0] == 200
        waiting = asyncio.create_task(post(jumpy.http_url, offer(bob.id)))
        call = (await bob.expect("offer"))["call"]
        wall_clock.set(jump_hours * HOUR)
        unanswered = await ada.dial(bob.id, OFFER)
        await asyncio.sleep(NOTICED_SECONDS)
        kept.send(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (await kept.response())[0] == 200
        await bob.answer(call, ANSWER)
        assert (await waiting).status == 200
        await asyncio.gather(
            mute.expect_close(4005),
            ada.expect("error", call=unanswered, code="answer_timeout"),
            assert_closed_with(deaf, 4002),
        )
        assert (await slow.response())[0] == 408
        await ada.send("ping")
        await ada.expect("pong")
        await bob.send("ping")
        await bob.expect("pong")
    await assert_limits_hold(jumpy)
    assert has_jumped(jumpy, jump_hours)


async def test_r16_an_application_that_takes_too_long_is_noticed_though_the_clock_was_set_back(
    wall_clock: WallClock,
) -> None:
    with server({"timeout": 0.1}, program=sleeper, environment=wall_clock.environment) as running:
        async with connection(running) as waiting:
            waiting.send(b"GET /600 HTTP/1.1\r\nHost: here\r\n\r\n")
            wall_clock.set(-2 * HOUR)
            async with asyncio.timeout(WITHIN_SECONDS):
                assert (await waiting.response())[0] == 503
        await until(lambda: has_jumped(running, -2))


async def assert_closed_with(deaf: DeafSocket, code: int) -> None:
    assert await deaf.close_code() == code


async def assert_limits_hold(running: Server) -> None:
    """Of ten offers of one source, the burst of three passes, and no more than what a slow machine lets come back."""
    source = fresh_address()
    posting = [post(running.http_url, offer(NIL_UUID, running.http_url), source=source) for _ in range(10)]
    statuses = [reply.status for reply in await asyncio.gather(*posting)]
    assert 3 <= statuses.count(503) <= 5
    assert statuses.count(429) == 10 - statuses.count(503)


def has_jumped(running: Server, hours: int) -> bool:
    """Its log tells the time: the lines before and after are so far apart."""
    stamps = [line.split()[0].removeprefix("time=") for line in running.log.splitlines() if line.startswith("time=")]
    first, last = (subprocess.check_output(["date", "-d", stamp, "+%s"]) for stamp in (stamps[0], stamps[-1]))  # noqa: S607
    return abs(int(last) - int(first) - hours * HOUR) < HOUR / 2


class TestOpenFiles:
    async def test_r21_without_files_it_refuses_does_not_spin_and_recovers(self) -> None:
        with server() as running:
            async with Peer.welcomed(running.ws_url) as ada:
                room = running.open_files + 20
                resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (room, room))
                async with AsyncExitStack() as stack:
                    crowd = [await stack.enter_async_context(connection(running)) for _ in range(200)]
                    ended = await asyncio.gather(*(one.rest() for one in crowd[room:]))
                    assert set(ended) == {b""}
                    used = running.cpu_seconds
                    await asyncio.sleep(1)
                    assert running.cpu_seconds - used < 0.3
                    await ada.send("ping")
                    await ada.expect("pong")
                    await running.until_logged("no more files can be opened")
                await until(lambda: running.open_files <= room - 10, WITHIN_SECONDS)
                async with Peer.welcomed(running.ws_url) as bob:
                    await bob.expect_nothing_else()
                await ada.expect_nothing_else()

    @pytest.mark.parametrize("soft, hard, is_told", [(256, 1_000, True), (256, 20_000, False)])
    def test_r21_the_soft_limit_is_raised_and_too_low_a_hard_one_is_told(
        self, soft: int, hard: int, is_told: bool
    ) -> None:
        def limited(config: Path, port: int) -> Sequence[str]:
            shell = f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$@"'
            return ["sh", "-c", shell, "sh", *command("serve", config, port)]

        with server(program=limited) as running:
            assert resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
            running.stop()  # no line is missing then
            told = [line for line in running.log.splitlines() if "open files" in line]
            assert len(told) == is_told
            assert all("limits.connections" in line and "level=warn" in line for line in told)
