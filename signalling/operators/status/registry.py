"""Which of Django's own models an administrator sees on the operator's site: accounts, groups and the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin, RelatedOnlyFieldListFilter, display
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Field, ManyToManyField
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest, HttpResponse

from signalling.operators.status.site import StatusSite

if TYPE_CHECKING:
    History = ModelAdmin[LogEntry]
    Accounts = UserAdmin[User]
else:
    History = ModelAdmin
    Accounts = UserAdmin

TICKED: Mapping[type[Field[Any, Any]], Mapping[str, Any]] = {ManyToManyField: {"widget": CheckboxSelectMultiple}}
"""Boxes instead of Django's two lists (5.2), which say nothing to a screen reader and do nothing without script."""


class Users(Accounts):
    """Operators' accounts. Their dates are facts, and so no fields (which would have no labels, in Django 5.2)."""

    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    formfield_overrides = TICKED


class Groups(GroupAdmin):
    """Permissions that several operators have."""

    filter_horizontal = ()
    formfield_overrides = TICKED


class HistoryAdmin(History):
    """What operators did. Nobody changes it here; so nobody who is in it can be deleted either, only made inactive."""

    list_display = ("when", "user", "kind", "whom", "what")
    list_filter = (("user", RelatedOnlyFieldListFilter), ("content_type", RelatedOnlyFieldListFilter))
    list_select_related = ("user", "content_type")
    search_fields = ("object_id", "object_repr", "change_message")
    date_hierarchy = "action_time"

    @display(description="when (UTC)", ordering="action_time")
    def when(self, entry: LogEntry) -> str:
        """To the second: it is held against the log, and what others remember."""
        return f"{entry.action_time:%Y-%m-%d %H:%M:%S}"

    @display(ordering="content_type")
    def kind(self, entry: LogEntry) -> str:
        """A session, a table, the server, or something of Django's."""
        return entry.content_type.name if entry.content_type is not None else ""

    @display(ordering="object_repr")
    def whom(self, entry: LogEntry) -> str:
        """As it was called then."""
        return entry.object_repr

    @display(description="what was done")
    def what(self, entry: LogEntry) -> str:
        """In words."""
        return entry.get_change_message()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with a title that says what it is."""
        return super().changelist_view(request, {"title": "What operators did", **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Entries are written by what is done."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        """They stay as they are."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        """They stay."""
        return False


site = StatusSite(name="status")
site.register(User, Users)
site.register(Group, Groups)
site.register(LogEntry, HistoryAdmin)
