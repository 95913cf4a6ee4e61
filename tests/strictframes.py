"""The server's frames read back, strictly: what the codec would not write is refused. For documents under test."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from signalling import frames, messages

FRAMES = {str(frame.__struct_config__.tag): frame for frame in frames.Frame.__subclasses__()}
"""What the server sends, by `type`."""

UNNUMBERED = frozenset({"welcome", "pong"})
"""Frames without a place in the session's sequence (a welcome's own `seq` is where that begins)."""

_RELAYED = frozenset({"offer", "answer", "candidate"})


def _strict(kind: str, frame: type[frames.Frame]) -> type[Struct]:
    numbered: list[tuple[str, object, object] | tuple[str, object]] = [("seq", int)]
    if kind == "error":
        numbered = [("seq", int | UnsetType, UNSET)]
    return msgspec.defstruct(
        frame.__name__,
        [] if kind in UNNUMBERED else numbered,
        bases=(frame,),
        tag_field="type",
        tag=kind,
        kw_only=True,
        forbid_unknown_fields=True,
    )


_DECODERS = {kind: msgspec.json.Decoder(_strict(kind, frame)) for kind, frame in FRAMES.items()}


def decode_frame(text: str) -> Struct:
    """The frame, with its `seq`. Raises ValueError or BadFrame for what the server never sends."""
    kind = msgspec.json.decode(text)["type"]
    if kind not in _DECODERS:
        raise ValueError(f"the server sends no {kind!r}")
    frame: Struct = _DECODERS[kind].decode(text)
    if kind in _RELAYED:
        messages.decode(text)  # what is relayed came from a client
    return frame
