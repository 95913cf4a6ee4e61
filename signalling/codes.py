"""The names and numbers that clients see: error codes, close codes, reasons. docs/protocol.md explains each."""

from enum import IntEnum, StrEnum
from typing import Literal

CandidateType = Literal["host", "srflx", "prflx", "relay"]
"""Of an ICE candidate: RFC 8839, section 5.1."""
ReportState = Literal["connected", "failed"]
"""What a client reports of its connection."""


class ErrorCode(StrEnum):
    """The `code` of an `error` message and of an HTTP problem."""

    BAD_JSON = "bad_json"
    BAD_MESSAGE = "bad_message"
    UNKNOWN_TYPE = "unknown_type"
    HELLO_EXPECTED = "hello_expected"
    ALREADY_WELCOME = "already_welcome"
    IDENTITY_TAKEN = "identity_taken"
    BAD_PEER = "bad_peer"
    PEER_UNAVAILABLE = "peer_unavailable"
    PEER_GONE = "peer_gone"
    CALL_UNKNOWN = "call_unknown"
    CALL_EXISTS = "call_exists"
    CALL_STATE = "call_state"
    ANSWER_TIMEOUT = "answer_timeout"
    TARGET_NOT_ALLOWED = "target_not_allowed"
    TARGET_FAILED = "target_failed"
    TABLE_UNKNOWN = "table_unknown"
    TABLE_FULL = "table_full"
    TABLE_LOCKED = "table_locked"
    TABLE_PASSWORD = "table_password"  # noqa: S105
    NOT_HOST = "not_host"
    ALREADY_SEATED = "already_seated"
    BAD_TABLE = "bad_table"
    RATE_LIMITED = "rate_limited"
    LIMIT_EXCEEDED = "limit_exceeded"
    TOO_LARGE = "too_large"
    DRAINING = "draining"
    FORBIDDEN = "forbidden"
    INTERNAL = "internal"
    REJECTED = "rejected"
    """HTTP only: the callee rejected the offer."""
    LOOP = "loop"
    """HTTP only: the request passed through a signalling server already and would have to be posted on."""


class CloseCode(IntEnum):
    """WebSocket close codes of the application. 4000-4499: clients reconnect; from 4500 on they do not."""

    NORMAL = 1000
    DRAINING = 4000
    SLOW_CONSUMER = 4001
    NO_HEARTBEAT = 4002
    RATE_LIMITED = 4003
    TOO_MANY_CONNECTIONS = 4004
    NO_HELLO = 4005
    PROTOCOL_ERROR = 4500
    UNAUTHORIZED = 4501
    DISCONNECTED = 4503
    IDENTITY_TAKEN = 4504
    SUPERSEDED = 4505

    @property
    def is_final(self) -> bool:
        """Whether clients do not reconnect."""
        return self >= 4500


BREACHES = frozenset({1002, 1007, 1009})
"""The server program's close codes for frames that break RFC 6455 or the size limit: such clients do not come back."""


class Reason(StrEnum):
    """Why the server ended a call (`hangup`, `reject`, `error`): reasons that a client cannot give in a hang-up."""

    BYE = "bye"
    GONE = "gone"
    DISCONNECTED = "disconnected"
    DRAINING = "draining"
    GLARE = "glare"
    TIMEOUT = "timeout"
    KICKED = "kicked"


class AckState(StrEnum):
    """What became of an acknowledged message."""

    DELIVERED = "delivered"
    HELD = "held"
    DROPPED = "dropped"
    DONE = "done"
