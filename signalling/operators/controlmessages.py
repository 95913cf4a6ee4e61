"""What is said over the control socket: one JSON object a line, a question and then its reply. Pure."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from signalling.operators.survey import PER_PAGE, Page, Progress, Query, SessionRow

MOST_BYTES = 4_096
"""Of a question, its end included; replies are as long as a page is."""


class Question(Struct, tag_field="ask", tag=str.lower, kw_only=True, forbid_unknown_fields=True):
    """What a command asks."""


class Sessions(Question):
    """One page of the sessions, and of the callers over HTTP who wait; see survey.Query."""

    search: str = ""
    sort: str = "since"
    descending: bool = True
    page: int = 1
    per_page: int = PER_PAGE

    @property
    def query(self) -> Query:
        """The same, as the desk is asked."""
        return Query(
            search=self.search, sort=self.sort, descending=self.descending, page=self.page, per_page=self.per_page
        )


class Drain(Question):
    """Start draining, unless it has begun. The reply is that of `progress`."""


class HowFar(Question, tag="progress"):
    """How far draining has got."""


class Disconnect(Question):
    """End this peer's session, and ban the peer, with its address if wanted."""

    peer: str
    ban_address: bool = False


class Reply(Struct, tag_field="reply", tag=str.lower, kw_only=True):
    """What the server says to it."""


class SessionsFound(Reply, tag="sessions"):
    page: Page[SessionRow]


class Progressed(Reply, tag="progress"):
    progress: Progress


class Disconnected(Reply):
    was_here: bool


class Refused(Reply):
    """The question was not understood, or cannot be answered; `why` is a sentence for people."""

    why: str


AnyQuestion = Sessions | Drain | HowFar | Disconnect
AnyReply = SessionsFound | Progressed | Disconnected | Refused

encode = msgspec.json.Encoder().encode
decode_question = msgspec.json.Decoder(AnyQuestion).decode
decode_reply = msgspec.json.Decoder(AnyReply).decode
