"""What is relayed: an offer and an answer of 4.2 KB, as browsers make them, and a candidate."""

from __future__ import annotations

import json

CODECS = {
    111: ("opus/48000/2", "minptime=10;useinbandfec=1"),
    63: ("red/48000/2", "111/111"),
    9: ("G722/8000", None),
    0: ("PCMU/8000", None),
    8: ("PCMA/8000", None),
    13: ("CN/8000", None),
    110: ("telephone-event/48000", None),
    126: ("telephone-event/8000", None),
}
VIDEO = {
    96: ("VP8", None),
    97: ("rtx", "apt=96"),
    98: ("VP9", "profile-id=0"),
    99: ("rtx", "apt=98"),
    100: ("VP9", "profile-id=2"),
    101: ("rtx", "apt=100"),
    102: ("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"),
    103: ("rtx", "apt=102"),
    104: ("H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f"),
    105: ("rtx", "apt=104"),
    106: ("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    107: ("rtx", "apt=106"),
    45: ("AV1", "level-idx=5;profile=0;tier=0"),
    46: ("rtx", "apt=45"),
    114: ("red", None),
    116: ("ulpfec", None),
}
EXTENSIONS = (
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
)
FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
FINGERPRINT = ":".join(f"{(7 * number + 29) % 256:02X}" for number in range(32))
TRANSPORT = (
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=ice-ufrag:EsAw",
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
    "a=ice-options:trickle",
    f"a=fingerprint:sha-256 {FINGERPRINT}",
)
CANDIDATE = {
    "candidate": "candidate:842163049 1 udp 1677729535 2001:db8:85a3:8d3:1319:8a2e:370:7348 46154 typ srflx "
    "raddr 2001:db8:85a3:8::1 rport 46154 generation 0 ufrag EsAw network-id 1 network-cost 10",
    "sdpMid": "0",
    "sdpMLineIndex": 0,
    "usernameFragment": "EsAw",
}


def _audio() -> list[str]:
    lines = [f"m=audio 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, CODECS))}", *TRANSPORT, "a=setup:actpass", "a=mid:0"]
    lines += [f"a=extmap:{number} {name}" for number, name in enumerate(EXTENSIONS, 1)]
    lines += ["a=sendrecv", "a=msid:stream-6ba7b810 track-6ba7b811", "a=rtcp-mux", "a=rtcp-rsize"]
    for number, (codec, parameters) in CODECS.items():
        lines.append(f"a=rtpmap:{number} {codec}")
        lines += [f"a=fmtp:{number} {parameters}"] if parameters else []
    return [*lines, "a=ssrc:3735928559 cname:Zx3dVb0yQ1"]


def _video() -> list[str]:
    lines = [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, VIDEO))}", *TRANSPORT, "a=setup:actpass", "a=mid:1"]
    lines += [f"a=extmap:{number} {name}" for number, name in enumerate(EXTENSIONS, 5)]
    lines += ["a=sendrecv", "a=msid:stream-6ba7b810 track-6ba7b812", "a=rtcp-mux", "a=rtcp-rsize"]
    for number, (codec, parameters) in VIDEO.items():
        lines.append(f"a=rtpmap:{number} {codec}/90000")
        lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in FEEDBACK if codec in ("VP8", "VP9", "H264", "AV1")]
        lines += [f"a=fmtp:{number} {parameters}"] if parameters else []
    return [*lines, "a=ssrc-group:FID 3735928560 3735928561", "a=ssrc:3735928560 cname:Zx3dVb0yQ1"]


def _data() -> list[str]:
    application = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", *TRANSPORT, "a=setup:actpass", "a=mid:2"]
    return [*application, "a=sctp-port:5000", "a=max-message-size:262144"]


SESSION = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1 2"]
SDP = "\r\n".join([*SESSION, "a=extmap-allow-mixed", "a=msid-semantic: WMS", *_audio(), *_video(), *_data(), ""])
OFFER = {"type": "offer", "sdp": SDP}
ANSWER = {"type": "answer", "sdp": SDP.replace("actpass", "active")}


def compact(value: object) -> str:
    """JSON as browsers write it."""
    return json.dumps(value, separators=(",", ":"))
