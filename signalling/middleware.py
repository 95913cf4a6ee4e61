"""What holds for every page that Django serves: its Content-Security-Policy, and what its cookies may."""

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
OPERATORS_POLICY = f"{POLICY}; script-src 'self'; connect-src 'self'"
"""Pages of an admin site have scripts, all of them files of ours; and those that renew themselves ask this server."""
ADMIN_SITES = "admin"
"""The application namespace of the URLs of every AdminSite."""


def _after(change: Callable[[HttpRequest, HttpResponseBase], None]) -> Callable[[Page | AsyncPage], Page | AsyncPage]:
    """Middleware that changes each response, once everything else has been done with it."""

    @sync_and_async_middleware
    def middleware(get_response: Page | AsyncPage) -> Page | AsyncPage:
        if iscoroutinefunction(get_response):
            async_page = cast(AsyncPage, get_response)

            async def changed_async(request: HttpRequest) -> HttpResponseBase:
                response = await async_page(request)
                change(request, response)
                return response

            return changed_async

        page = cast(Page, get_response)

        def changed(request: HttpRequest) -> HttpResponseBase:
            response = page(request)
            change(request, response)
            return response

        return changed

    return middleware


def _restrict(request: HttpRequest, response: HttpResponseBase) -> None:
    match = request.resolver_match
    policy = OPERATORS_POLICY if match is not None and ADMIN_SITES in match.app_names else POLICY
    response.headers.setdefault("Content-Security-Policy", policy)


def _secure(request: HttpRequest, response: HttpResponseBase) -> None:
    if request.is_secure():
        for cookie in response.cookies.values():
            cookie["secure"] = True


content_security_policy = _after(_restrict)
"""Forbids a page everything but our own styles and images (W3C Content Security Policy Level 3).

A view that needs more sets the header itself. It is outermost, so that error pages carry it too.
"""
secure_cookies = _after(_secure)
"""Whoever came by https sends the cookies that he gets by https only, also while `publicaddress` is unset.

The settings can say so for all or for nobody; the scheme of a request is that of its scope (routing.py).
"""
