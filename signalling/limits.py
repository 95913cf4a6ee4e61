"""The numbers that bound everything a stranger can make the server do: the `limits` of the configuration.

Numbers only; what counts against them is in throttle.py. Every field is a key under `limits` in `config.yaml`; its
description is its line in the documentation, and its unit is in its name.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class Limits(BaseModel):
    """All limits with their defaults; immutable once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_bytes: Annotated[int, Field(ge=4096, le=1_048_576)] = Field(
        65_536, description="one WebSocket message, one HTTP body, one reply of an answerer; an SDP is 1-10 KiB"
    )
    hello_seconds: Seconds = Field(5, description="from the opening of a WebSocket to its `hello`")
    heartbeat_seconds: Seconds = Field(20, description="between pings; proxies cut idle connections at 60 s")
    silence_seconds: Seconds = Field(45, description="nothing at all from a connection for so long: it is dead")
    resume_seconds: Seconds = Field(30, description="for which a session whose connection is lost may be resumed")
    buffer_frames: Count = Field(
        512, description="frames held for a session to be resumed; a newcomer to a table of 16 gets over 300 in seconds"
    )
    buffer_bytes: Annotated[int, Field(ge=131_072, le=1_073_741_824)] = Field(
        1_048_576, description="bytes of these frames"
    )
    buffer_total_bytes: Annotated[int, Field(ge=1_048_576, le=1_099_511_627_776)] = Field(
        268_435_456, description="bytes of these frames in all; beyond, a session holds no more than an equal share"
    )
    buffer_seconds: Seconds = Field(
        75, description="how long these frames are held while connected: `silence_seconds` and `resume_seconds`"
    )
    connections: Count = Field(10_000, description="WebSockets in all, and sessions that are away")
    connections_per_address: Count = Field(
        32, description="WebSockets from one IPv4 address or IPv6 /64, and sessions that are away"
    )
    http_connections: Count = Field(4_000, description="TCP connections in all that are no WebSockets (yet)")
    http_connections_per_address: Count = Field(
        128, description="the same from one IPv4 address or IPv6 /64; `trustedproxies` are not counted so"
    )
    request_seconds: Seconds = Field(
        30, description="for an HTTP request or a WebSocket handshake to arrive whole, and for the next one to begin"
    )
    inbound_frames: Annotated[int, Field(ge=1, le=10_000)] = Field(
        32, description="frames of one WebSocket that wait to be taken up, before it is read no further"
    )
    small_frames_per_second: Rate = Field(
        20, description="pings, pongs and fragments below 1 KiB of one WebSocket, sustained; beyond, it is closed"
    )
    small_frames_burst: Count = Field(200, description="pings, pongs and fragments below 1 KiB at once")
    messages_per_second: Rate = Field(20, description="messages of one session, sustained")
    messages_burst: Count = Field(
        600, description="messages of one session at once; 15 calls with 20 candidates each make 315"
    )
    refused_messages: Count = Field(
        100, description="refused for their rate, less those taken up since, that close the connection"
    )
    misbehaviour: Count = Field(
        10, description="malformed messages within `misbehaviour_seconds` that close the connection"
    )
    misbehaviour_seconds: Seconds = Field(60, description="see `misbehaviour`")
    unsent_bytes: Annotated[int, Field(ge=131_072, le=1_073_741_824)] = Field(
        1_048_576, description="waiting for a client that does not read, before it is cut off"
    )
    open_calls: Count = Field(128, description="open calls of one session")
    unanswered_per_session: Count = Field(2, description="unanswered calls to one callee from one session")
    unanswered_per_source: Count = Field(8, description="unanswered calls to one callee from one address")
    unanswered_per_callee: Count = Field(64, description="unanswered calls to one callee in all")
    table_capacity: Annotated[int, Field(ge=1, le=64)] = Field(
        16, description="peers at a table; a full mesh of 16 is 120 calls, and each peer sends its voice 15 times"
    )
    tables_per_session: Count = Field(8, description="tables at which one session sits")
    kick_seconds: Seconds = Field(600, description="how long a kicked peer is refused at that table")
    ban_seconds: Seconds = Field(600, description="how long whom the operator has disconnected is refused")
    ended_call_seconds: Seconds = Field(60, description="late messages of an ended call are dropped, not refused")
    unknown_peers: Count = Field(100, description="unknown peers dialled by one source within `unknown_peers_seconds`")
    unknown_peers_seconds: Seconds = Field(300, description="see `unknown_peers`")
    failures: Count = Field(
        10, description="failed proofs or passwords of one source for one peer or table within `failures_seconds`"
    )
    failures_seconds: Seconds = Field(1_800, description="see `failures`")
    login_failures: Count = Field(
        10, description="failed log-ins of one source at `/status/` within `failures_seconds`; then it is refused"
    )
    login_failures_per_account: Count = Field(
        100, description="the same for one account, from everywhere but where it was logged in to before"
    )
    posts_per_second: Rate = Field(2, description="offers over HTTP from one source, sustained")
    posts_burst: Count = Field(20, description="offers over HTTP from one source at once; a table of 16 takes 15")
    silent_target_per_second: Rate = Field(0.2, description="posted to one target that never answered, sustained")
    silent_target_burst: Count = Field(3, description="posted to one target that never answered, at once")
    known_target_per_second: Rate = Field(5, description="posted to one target that has answered, sustained")
    known_target_burst: Count = Field(30, description="posted to one target that has answered, at once")
    network_per_second: Rate = Field(2, description="posted to one IPv4 /24 or IPv6 /48, sustained")
    network_burst: Count = Field(10, description="posted to one IPv4 /24 or IPv6 /48, at once")
    breaker_failures: Count = Field(3, description="failures in a row after which a target is left alone")
    breaker_seconds: Seconds = Field(30, description="how long it is left alone")
    outbound: Count = Field(256, description="outbound requests at once")
    outbound_per_source: Count = Field(8, description="outbound requests at once for one source")
    outbound_per_target: Count = Field(4, description="outbound requests at once to one target")
    lookups: Count = Field(64, description="names looked up at once; each holds a thread until the resolver is done")
    drain_seconds: Seconds = Field(10, description="from the signal to stop to the end of the process")
    traces: Annotated[int, Field(ge=10, le=100_000)] = Field(
        1_000, description="ended calls whose traces are kept for the operator; a tenth of them refused offers at most"
    )
    tracked: Count = Field(50_000, description="addresses, targets or peers that each limiter remembers")
