"""An operator without a browser: keeps cookies, and sends forms with the token and the headers that a browser sends."""

import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tests.accounts import PASSWORD
from tests.loopback import fresh_address
from tests.posting import Reply

WITHIN_SECONDS = 20.0
LOGIN = "/status/login/"
MOST_PAGES = 300
_LINK = re.compile(rb'href="(/status/[^"?#]*)["?#]')
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')


class Operator:
    """At the pages of one server; `headers` are sent with every request."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tls: ssl.SSLContext | None) -> None:
        self._session = session
        self.url = url
        self.headers: dict[str, str] = {}
        self._tls: ssl.SSLContext | bool = tls or True

    @classmethod
    @asynccontextmanager
    async def at(
        cls,
        url: str,
        *,
        cookies: Mapping[str, str] | None = None,
        source: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> AsyncIterator["Operator"]:
        """Somebody who is logged in by these cookies, if any; `source` is the own address, else a fresh one."""
        # Over TLS one that is closed after each response takes leave for longer than the session is there.
        connector = aiohttp.TCPConnector(local_addr=(source or fresh_address(), 0), force_close=tls is None)
        timeout = aiohttp.ClientTimeout(total=WITHIN_SECONDS)
        jar = aiohttp.CookieJar(unsafe=True)
        jar.update_cookies(dict(cookies or {}), URL(url))
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=jar, trust_env=False
        ) as session:
            yield cls(session, url, tls)

    @property
    def cookies(self) -> dict[str, Any]:
        """All that were set, by name, with their attributes."""
        return {cookie.key: cookie for cookie in self._session.cookie_jar}

    async def get(self, path: str) -> Reply:
        """Redirections are not followed."""
        return await self._request("GET", path)

    async def post(
        self, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """A form as it stands."""
        return await self._request("POST", path, fields or {}, headers)

    async def submit(
        self, page: str, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """A form of this page, as a browser sends it, or with other headers."""
        token = _TOKEN.search((await self.get(page)).body)
        assert token, f"{page} has no form"
        named = {**(fields or {}), "csrfmiddlewaretoken": token[1].decode()}
        return await self.post(path, named, headers or {"Origin": self.url, "Referer": f"{self.url}{page}"})

    async def log_in(self, name: str, password: str = PASSWORD) -> Reply:
        """By the form."""
        return await self.submit(LOGIN, LOGIN, {"username": name, "password": password, "next": "/status/"})

    async def everything(self, *more: str) -> dict[str, Reply]:
        """Every page of operators to which a link leads from the first one or from these, by its path."""
        found: dict[str, Reply] = {}
        ahead = ["/status/", *more]
        while ahead:
            path = ahead.pop()
            if path not in found:
                found[path] = await self.get(path)
                assert len(found) <= MOST_PAGES, "pages without end"
                ahead += [link.decode() for link in _LINK.findall(found[path].body)]
        return found

    async def _request(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        async with self._session.request(
            method,
            f"{self.url}{path}",
            data=fields,
            headers=CIMultiDict({**self.headers, **(headers or {})}),
            allow_redirects=False,
            ssl=self._tls,
        ) as response:
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, names, await response.read())
