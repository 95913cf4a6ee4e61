"""Which of Django's own models an administrator sees on the operator's site: accounts, groups and the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Field, ManyToManyField
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest

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

    list_display = ("action_time", "user", "content_type", "object_repr", "get_change_message")
    list_filter = ("user", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("object_id", "object_repr", "change_message")
    date_hierarchy = "action_time"

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
