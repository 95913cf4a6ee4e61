"""`/metrics`: who may read it, what it says, and by which rules."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families

from signalling.figures import OUTCOMES
from signalling.limits import Limits
from tests.inprocess.application import CALL, Application, Header, application
from tests.posting import ANSWER, Reply
from tests.prometheus import families, faults

HERE = "127.0.0.1"
PROXY = "10.0.0.1"
PUBLIC = "203.0.113.5"
HOST: Header = (b"host", b"here.example")


async def read(app: Application, *headers: Header, client: str | None = HERE, method: str = "GET") -> Reply:
    """The response to whoever comes from there with these headers."""
    request = app.request(method, "/metrics", headers=[HOST, *headers], client=client)
    await request.send_body(b"")
    return await request.reply()


def forwarded_for(addresses: str) -> Header:
    return b"x-forwarded-for", addresses.encode()


async def value(app: Application, name: str, **labels: str) -> float:
    """One sample."""
    (found,) = (
        sample.value
        for family in families((await read(app)).body.decode()).values()
        for sample in family.samples
        if (sample.name, sample.labels) == (name, labels)
    )
    return float(found)


def openmetrics_names(text: str) -> Iterator[str]:
    """The metrics of an OpenMetrics exposition, whose parser is strict. Raises ValueError."""
    for family in openmetrics_families(text):  # type: ignore[no-untyped-call]
        yield str(family.name)


class TestReaders:
    @pytest.mark.parametrize(
        "client",
        ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.9", "fd00::7"],
    )
    async def test_loopback_and_private_addresses_may_read(self, client: str) -> None:
        async with application() as app:
            assert (await read(app, client=client)).status == 200

    @pytest.mark.parametrize(
        "client", [PUBLIC, "2001:db8::7", "::ffff:203.0.113.5", "172.32.0.1", "100.64.0.1", "169.254.1.1", None]
    )
    async def test_nobody_else_may_and_is_told_one_line(self, client: str | None) -> None:
        async with application() as app:
            reply = await read(app, client=client)
        assert (reply.status, reply.body) == (403, b"not from your address\n")

    async def test_metricsallow_names_those_who_may(self) -> None:
        async with application(metricsallow=["203.0.113.0/24", "2001:db8::/32"]) as app:
            assert [
                (await read(app, client=client)).status for client in (PUBLIC, "2001:db8::7", HERE, "198.51.100.7")
            ] == [200, 200, 403, 403]

    @pytest.mark.parametrize("client", [HERE, "::1", PUBLIC])
    async def test_an_empty_list_is_nobody(self, client: str) -> None:
        async with application(metricsallow=[]) as app:
            assert (await read(app, client=client)).status == 403

    @pytest.mark.parametrize(
        "name",
        [
            b"x-forwarded-for",
            b"x-forwarded-host",
            b"x-forwarded-proto",
            b"forwarded",
            b"cf-connecting-ip",
            b"true-client-ip",
            b"x-client-ip",
            b"x-real-ip",
        ],
    )
    async def test_t24_what_a_stranger_says_to_forward_is_refused(self, name: bytes) -> None:
        """A proxy on this machine that `trustedproxies` does not name: its clients are anybody."""
        async with application() as app:
            assert (await read(app, (name, HERE.encode()))).status == 403

    @pytest.mark.parametrize(
        ("addresses", "status"),
        [
            (PUBLIC, 403),
            (f"127.0.0.1, {PUBLIC}", 403),
            (f"{PUBLIC}, 192.168.0.9", 200),
            ("192.168.0.9", 200),
            ("fd00::7", 200),
            ("2001:db8::7", 403),
        ],
    )
    async def test_t24_behind_a_trusted_proxy_the_client_is_judged(self, addresses: str, status: int) -> None:
        async with application(trustedproxies=[f"{PROXY}/32"]) as app:
            assert (await read(app, forwarded_for(addresses), client=PROXY)).status == status

    @pytest.mark.parametrize(
        "header",
        [
            forwarded_for(f"{PUBLIC}:4711"),
            forwarded_for("unknown"),
            forwarded_for(""),
            forwarded_for(f"{PUBLIC}:4711, {PROXY}"),
            (b"x-real-ip", PUBLIC.encode()),
            (b"forwarded", f"for={PUBLIC}".encode()),
        ],
    )
    async def test_t24_whom_a_trusted_proxy_does_not_name_is_not_taken_for_the_proxy(self, header: Header) -> None:
        async with application(trustedproxies=[f"{PROXY}/32"]) as app:
            assert (await read(app, header, client=PROXY)).status == 403

    @pytest.mark.parametrize("headers", [(), (forwarded_for(PROXY),)])
    async def test_the_machine_of_a_trusted_proxy_may_read_for_itself(self, headers: tuple[Header, ...]) -> None:
        async with application(trustedproxies=[f"{PROXY}/32"]) as app:
            assert (await read(app, *headers, client=PROXY)).status == 200

    async def test_who_is_refused_is_one_line_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "signalling")
        async with application() as app:
            await read(app, client=PUBLIC)
        (record,) = caplog.records
        assert (record.getMessage(), vars(record)["fields"]) == ("metrics refused", {"address": PUBLIC})


class TestRequests:
    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
    async def test_it_is_read_by_get_or_head(self, method: str) -> None:
        async with application() as app:
            reply = await read(app, method=method)
            assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
            assert (await read(app, method=method, client=PUBLIC)).status == 403
            assert (await read(app, method="HEAD")).status == 200

    async def test_any_host_will_do_and_nothing_is_cached(self) -> None:
        async with application() as app:
            reply = await app.get("/metrics", headers=[(b"host", b"evil.example")], client=HERE)
        assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            ("", "text/plain; version=0.0.4"),
            ("*/*", "text/plain; version=0.0.4"),
            ("text/html", "text/plain; version=0.0.4"),
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain; version=0.0.4"),
            (
                "application/openmetrics-text;q=0.6,text/plain;q=0.3",
                "application/openmetrics-text; version=1.0.0",
            ),
            ("text/plain;version=0.0.4,application/openmetrics-text", "text/plain; version=0.0.4"),
            ("application/openmetrics-text; version=no number", "application/openmetrics-text; version=1.0.0"),
        ],
    )
    async def test_the_format_that_is_named_first_is_sent(self, accept: str, kind: str) -> None:
        async with application() as app:
            reply = await read(app, (b"accept", accept.encode()))
        assert reply.headers["content-type"].startswith(kind)
        text = reply.body.decode()
        assert text.endswith("# EOF\n") is kind.startswith("application/")
        if kind.startswith("application/"):
            assert set(openmetrics_names(text)) >= {"roundtable_calls", "process_cpu_seconds"}


class TestFigures:
    async def test_names_units_labels_and_helps_follow_the_rules(self) -> None:
        async with application() as app:
            exposition = (await read(app)).body.decode()
        assert list(faults(exposition)) == []

    async def test_the_process_and_python_are_in_it(self) -> None:
        async with application() as app:
            found = families((await read(app)).body.decode())
        assert {
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_cpu_seconds_total",
            "python_info",
            "python_gc_collections_total",
        } <= found.keys()

    async def test_every_limit_and_every_outcome_is_there_before_it_happens(self) -> None:
        """Else the first of a kind is no increase to Prometheus."""
        async with application() as app:
            found = families((await read(app)).body.decode())
        limits = {sample.labels["limit"] for sample in found["roundtable_refusals_total"].samples}
        assert limits == Limits.model_fields.keys()
        outcomes = found["roundtable_call_outcomes_total"].samples
        assert {(sample.labels["transport"], sample.labels["outcome"]) for sample in outcomes} == {
            (transport, outcome) for transport in ("websocket", "http") for outcome in OUTCOMES
        }

    async def test_what_happens_is_seen_in_the_next_scrape(self) -> None:
        async with application() as app, app.peer() as ada, app.peer() as bob:
            await ada.dial(bob.id, CALL)
            await bob.expect("offer")
            assert await value(app, "roundtable_open_calls") == 1
            await bob.say("answer", call=CALL, description=ANSWER)
            await ada.expect("answer")
            await ada.say("join", table="camelot")
            await ada.expect("joined")
            assert await value(app, "roundtable_sessions", state="connected") == 2
            assert await value(app, "roundtable_connections") == 2
            assert await value(app, "roundtable_tables") == 1
            assert await value(app, "roundtable_calls_total", transport="websocket") == 1
            assert await value(app, "roundtable_call_outcomes_total", transport="websocket", outcome="answer") == 1
            assert await value(app, "roundtable_call_answer_seconds_count") == 1
            assert await value(app, "roundtable_messages_received_total", type="offer") == 1
            assert await value(app, "roundtable_frames_sent_total") == 5
            assert await value(app, "roundtable_draining") == 0

    async def test_an_offer_over_http_is_counted_with_its_bytes(self) -> None:
        async with application() as app, app.peer() as bob:
            request = await app.ringing(bob)
            assert await value(app, "roundtable_http_callers") == 1
            await bob.say("answer", call=CALL, description=ANSWER)
            body = (await request.reply()).body
            assert await value(app, "roundtable_http_callers") == 0
            assert await value(app, "roundtable_call_outcomes_total", transport="http", outcome="answer") == 1
            assert await value(app, "roundtable_received_bytes_total", transport="http") > 100
            assert await value(app, "roundtable_sent_bytes_total", transport="http") == len(body)

    async def test_a_server_that_drains_says_so(self) -> None:
        async with application() as app:
            app.runtime.drain()
            assert await value(app, "roundtable_draining") == 1

    async def test_t40_nothing_of_what_peers_say_or_are_called_is_in_it(self) -> None:
        async with application() as app, app.peer(name="Lancelot") as ada, app.peer() as bob:
            await ada.dial(bob.id, CALL)
            await bob.expect("offer")
            await ada.say("join", table="camelot", password="excalibur")
            await ada.expect("joined")
            await ada.say_text('{"type":"mordred"}')
            await ada.expect("error")
            text = (await read(app)).body.decode().lower()
        for word in ("lancelot", "camelot", "excalibur", "mordred", ada.id, bob.id, CALL, "v=0", "192.0.2."):
            assert word not in text
