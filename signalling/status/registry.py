"""Which of Django's own models an administrator sees on the operator's site: accounts, groups and the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from signalling.status.site import StatusSite

if TYPE_CHECKING:
    History = ModelAdmin[LogEntry]
else:
    History = ModelAdmin


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
site.register(User, UserAdmin)
site.register(Group, GroupAdmin)
site.register(LogEntry, HistoryAdmin)
