"""`POST /signal`: bodies, methods, and pages of other origins."""

import pytest

from tests.inprocess.application import Application, application, configuration
from tests.inprocess.elsewhere import HOST, NOBODY, posted_elsewhere
from tests.posting import Reply, offer

LIMIT = configuration().limits.message_bytes


class TestBody:
    async def test_64_kib_are_read(self) -> None:
        async with application() as app:
            body = offer(NOBODY).ljust(LIMIT)
            (await app.post(body)).assert_problem(503, "peer_unavailable")

    async def test_one_byte_more_is_too_large(self) -> None:
        async with application() as app:
            (await app.post(offer(NOBODY).ljust(LIMIT + 1))).assert_problem(413, "too_large")

    async def test_nothing_is_read_of_a_body_that_says_it_is_too_large(self) -> None:
        async with application() as app:
            posted = app.request(headers=[HOST, (b"content-length", b"%d" % (LIMIT + 1))])
            await posted.send_input({"type": "not read"})
            (await posted.reply()).assert_problem(413, "too_large")
            assert posted.input_queue.qsize() == 1

    async def test_nothing_is_read_past_the_limit_of_a_body_that_does_not_say(self) -> None:
        async with application() as app:
            posted = app.request(headers=[HOST])
            for _ in range(3):
                await posted.send_body(b"x" * (LIMIT // 2), more=True)
            for _ in range(10):
                await posted.send_input({"type": "not read"})
            (await posted.reply()).assert_problem(413, "too_large")
            assert posted.input_queue.qsize() == 10

    @pytest.mark.parametrize("length", [b"-1", b"+2", b"0x10", b"", b"9" * 5_000, "\u00b2".encode("latin-1")])
    async def test_an_absurd_length_is_no_fault_of_ours(self, length: bytes) -> None:
        """Most servers refuse it before."""
        async with application() as app:
            reply = await app.post(b"{", headers=[HOST, (b"content-length", length)])
            assert reply.status in (400, 413)

    @pytest.mark.parametrize("encoding", [b"gzip", b"br", b"deflate", b"GZIP", b"identity, gzip", b"x"])
    async def test_an_encoded_body_is_not_read(self, encoding: bytes) -> None:
        async with application() as app:
            posted = app.request(headers=[HOST, (b"content-encoding", encoding)])
            await posted.send_input({"type": "not read"})
            (await posted.reply()).assert_problem(415, "bad_message")

    async def test_identity_is_no_encoding(self) -> None:
        async with application() as app:
            reply = await app.post(offer(NOBODY), headers=[HOST, (b"content-encoding", b"Identity")])
            reply.assert_problem(503, "peer_unavailable")

    @pytest.mark.parametrize("content_type", [b"text/plain", b"application/x-www-form-urlencoded", b"", b"nonsense"])
    async def test_the_content_type_is_not_checked(self, content_type: bytes) -> None:
        async with application() as app:
            reply = await app.post(offer(NOBODY), headers=[HOST, (b"content-type", content_type)])
            reply.assert_problem(503, "peer_unavailable")


class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "post", "BREW"])
    async def test_offers_are_posted(self, method: str) -> None:
        async with application() as app:
            posted = app.request(method)
            await posted.send_body(offer(NOBODY))
            reply = await posted.reply()
            reply.assert_problem(405, None)
            assert reply.headers["allow"] == "POST, OPTIONS"

    async def test_options_says_what_there_is(self) -> None:
        async with application() as app:
            reply = await options(app, b"https://app.example")
            assert (reply.status, reply.body) == (204, b"")
            assert reply.headers["allow"] == "POST, OPTIONS"
            assert "content-length" not in reply.headers


class TestCrossOrigin:
    async def test_without_allowedorigins_any_page_may_call_and_see_retry_after(self) -> None:
        async with application() as app:
            for reply in (
                await options(app, b"https://app.example"),
                await app.post(b"{", headers=[HOST, (b"origin", b"https://app.example")]),
                await app.post(offer(NOBODY)),
            ):
                assert reply.headers["access-control-allow-origin"] == "*"
                assert reply.headers["access-control-expose-headers"] == "Retry-After"
                assert "access-control-allow-credentials" not in reply.headers

    async def test_a_preflight_is_told_the_method_and_the_header(self) -> None:
        async with application() as app:
            reply = await options(app, b"https://app.example")
            assert reply.headers["access-control-allow-methods"] == "POST"
            assert reply.headers["access-control-allow-headers"] == "Content-Type"

    async def test_an_allowed_origin_is_named(self) -> None:
        async with application(allowedorigins=["https://app.example"]) as app:
            for reply in (
                await options(app, b"https://app.example"),
                await app.post(offer(NOBODY), headers=[HOST, (b"origin", b"https://app.example")]),
            ):
                assert reply.headers["access-control-allow-origin"] == "https://app.example"
                assert reply.headers["vary"] == "Origin"

    async def test_t28_another_origin_is_refused_before_its_body_is_read(self) -> None:
        async with application(allowedorigins=["https://app.example"]) as app:
            preflight = await options(app, b"https://evil.example")
            posted = app.request(headers=[HOST, (b"origin", b"https://evil.example")])
            await posted.send_input({"type": "not read"})
            reply = await posted.reply()
            reply.assert_problem(403, "forbidden")
            for refused in (preflight, reply):
                assert "access-control-allow-origin" not in refused.headers
                assert refused.headers["vary"] == "Origin"

    async def test_native_clients_send_no_origin(self) -> None:
        async with application(allowedorigins=["https://app.example"]) as app:
            reply = await app.post(offer(NOBODY))
            reply.assert_problem(503, "peer_unavailable")
            assert "access-control-allow-origin" not in reply.headers

    async def test_the_forwarder_is_told_that_a_page_asks(self) -> None:
        async with application() as app:
            for headers, from_browser in (([HOST], False), ([HOST, (b"origin", b"https://app.example")], True)):
                posted, posting = await posted_elsewhere(app, headers=headers)
                assert posting.from_browser is from_browser
                await posted.hang_up()


async def options(app: Application, origin: bytes) -> Reply:
    asked = app.request("OPTIONS", headers=[HOST, (b"origin", origin), (b"access-control-request-method", b"POST")])
    await asked.send_body(b"")
    return await asked.reply()
