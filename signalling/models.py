"""What operators' permissions and history are about. None of it is in the database: sessions and tables are in memory.

Django needs a model wherever a permission or an entry of the history names one. These have no table, are never queried,
and exist for a moment only, while an entry is written.
"""

from django.db import models


class Server(models.Model):
    """This server as a whole; the permissions of its operators."""

    name = models.CharField(primary_key=True, max_length=64, default="this server")

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("view_status", "Can see sessions, tables, calls and figures"),
            ("act_on_status", "Can disconnect sessions, close tables and drain the server"),
        )

    def __str__(self) -> str:
        return self.name


class LiveSession(models.Model):
    """The session of a peer, as the history names it."""

    peer = models.CharField(primary_key=True, max_length=36)
    name = models.CharField(max_length=64)

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = "session"

    def __str__(self) -> str:
        return f"{self.name} ({self.peer})" if self.name else self.peer


class LiveTable(models.Model):
    """A table, as the history names it."""

    name = models.CharField(primary_key=True, max_length=64)

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = "table"

    def __str__(self) -> str:
        return self.name
