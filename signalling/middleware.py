"""The Content-Security-Policy of every page that Django serves."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Page = Callable[[HttpRequest], HttpResponseBase]
AsyncPage = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@sync_and_async_middleware
def content_security_policy(get_response: Page | AsyncPage) -> Page | AsyncPage:
    """Middleware that forbids a page everything but our own styles and images (W3C Content Security Policy Level 3).

    A view that needs more sets the header itself. It is outermost, so that error pages carry it too.
    """
    if iscoroutinefunction(get_response):
        async_page = cast(AsyncPage, get_response)

        async def guarded_async(request: HttpRequest) -> HttpResponseBase:
            return _with_policy(await async_page(request))

        return guarded_async

    page = cast(Page, get_response)

    def guarded(request: HttpRequest) -> HttpResponseBase:
        return _with_policy(page(request))

    return guarded


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
