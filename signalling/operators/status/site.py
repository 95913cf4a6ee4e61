"""The operator's site: Django's admin with its log-in, permissions and look, and the pages of this server in it.

What the pages show is in pages.py, what operators do in acts.py; here is who may, and how it becomes a response.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.functional import cached_property
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from roundtable.logs import logger
from signalling.addresses import source_key
from signalling.operators.desk import DESK, Desk, on_loop
from signalling.operators.status import acts, pages
from signalling.operators.status.logins import Logins, TooMany
from signalling.operators.status.pages import ACT, SEE, Shown

log = logger("signalling.refusals")

SAFE_METHODS = frozenset({"GET", "HEAD"})

View = Callable[..., HttpResponseBase]


def desk_of(request: HttpRequest) -> Desk:
    """The desk of the process that serves this request: routing.py puts it into the scope."""
    return cast(Desk, cast(ASGIRequest, request).scope[DESK])


class StatusSite(AdminSite):
    """Mounted at `/status/`. Accounts and history are Django's own pages in it."""

    site_title = "Roundtable signalling"
    site_header = "Roundtable signalling"
    index_title = "Overview"
    final_catch_all_view = True

    @cached_property
    def logins(self) -> Logins:
        """The failed log-ins of this process."""
        return Logins(settings.ROUNDTABLE.limits)

    # Who may

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """As Django's, but whoever is logged in and may not be here is told so, instead of asked to log in again."""
        if view == self.logout:  # also for those who may do nothing else here
            return csrf_protect(never_cache(view))
        checked = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                if request.user.is_authenticated:
                    return self._forbidden(request)
                if request.method not in SAFE_METHODS:  # nobody can come back to what was sent
                    return redirect_to_login(reverse("admin:index"), reverse("admin:login"))
            try:
                return checked(request, *args, **kwargs)  # type: ignore[no-any-return]
            except PermissionDenied:
                return self._forbidden(request)

        inner.__name__ = getattr(view, "__name__", "page")
        return inner

    def _forbidden(self, request: HttpRequest) -> HttpResponse:
        may_see = self.has_permission(request) and request.user.has_perm(SEE)
        shown = Shown(
            "status/forbidden.html", "You may not see this page", {"may_see": may_see}, status=HTTPStatus.FORBIDDEN
        )
        return self._response(request, shown)

    # What there is

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Ours before Django's, which end with one that takes everything.

        Django's "view on site" is left out: nothing here has a page elsewhere, and it would query our models' tables.
        """
        ours: list[URLPattern | URLResolver] = [
            path("sessions/", self._page(pages.sessions), name="sessions"),
            path("sessions/disconnect/", self._act(acts.disconnect), name="disconnect"),
            path("sessions/<uuid:peer>/", self._page(pages.session), name="signalling_livesession_change"),
            path("tables/", self._page(pages.tables), name="tables"),
            path("tables/close/", self._act(acts.close_table), name="close_table"),
            path("table/<str:name>/", self._page(pages.table), name="signalling_livetable_change"),
            path("calls/", self._page(pages.calls), name="calls"),
            path("calls/<uuid:call>/", self._page(pages.call), name="call"),
            path("bans/", self._page(pages.bans), name="bans"),
            path("bans/lift/", self._act(acts.lift), name="lift"),
            path("drain/", self._page(pages.drain), name="drain"),
            path("drain/start/", self._act(acts.start_draining), name="start_draining"),
        ]
        return [*ours, *(each for each in super().get_urls() if getattr(each, "name", None) != "view_on_site")]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The overview."""
        if not request.user.has_perm(SEE):
            raise PermissionDenied
        return self._response(request, pages.overview(request, desk_of(request)))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The navigation: our pages first."""
        apps: list[Any] = super().get_app_list(request, app_label)
        if app_label is not None or not request.user.has_perm(SEE):
            return apps
        return [pages.navigation(), *apps]

    def _page(self, render: Callable[..., Shown]) -> View:
        """A page that is only read, for those who may see."""
        return cast(View, require_safe(self.admin_view(self._allowed(SEE, render))))

    def _act(self, render: Callable[..., Shown | HttpResponse]) -> View:
        """Something that is done, for those who may act. It is sent, and never fetched."""
        return cast(View, require_POST(self.admin_view(self._allowed(ACT, render))))

    def _allowed(self, permission: str, render: Callable[..., Shown | HttpResponse]) -> View:
        def view(request: HttpRequest, **named: Any) -> HttpResponse:
            if not request.user.has_perm(SEE) or not request.user.has_perm(permission):
                raise PermissionDenied
            shown = render(request, desk_of(request), **named)
            return self._response(request, shown) if isinstance(shown, Shown) else shown

        return view

    def _response(self, request: HttpRequest, shown: Shown) -> TemplateResponse:
        context = {
            **self.each_context(request),
            "title": shown.title,
            "subtitle": None,
            "may_act": request.user.has_perm(ACT),
            **shown.context,
        }
        request.current_app = self.name
        return TemplateResponse(request, shown.template, context, status=shown.status)

    # Logging in

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # type: ignore[override]
        """As Django's, but refused with 429 after too many failures, whether the password is right or wrong."""
        if request.method != "POST":
            return super().login(request, extra_context)
        source, account = source_key(request.META.get("REMOTE_ADDR", "")), request.POST.get("username", "")
        try:
            with self.logins.attempt(source, account):
                response = super().login(request, extra_context)
                if response.status_code != HTTPStatus.FOUND:
                    self.logins.fail(source, account)
                    log.info("log-in failed", source=source)
                else:
                    self.logins.succeed(source, account)
        except TooMany as refused:
            return self._too_many(request, refused, source)
        return response

    def _too_many(self, request: HttpRequest, refused: TooMany, source: str) -> HttpResponse:
        log.info("log-in refused", source=source, limit=refused.limit)
        on_loop(desk_of(request).count_refusal, refused.limit)
        shown = Shown(
            "status/too_many_logins.html",
            "Too many log-ins",
            {"retry_after": refused.retry_after},
            status=HTTPStatus.TOO_MANY_REQUESTS,
        )
        response = self._response(request, shown)
        response.headers["Retry-After"] = str(math.ceil(refused.retry_after))
        return never_cache(lambda _: response)(request)
