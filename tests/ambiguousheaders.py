"""Headers of which two servers in a row could make different requests (T37)."""

AMBIGUOUS = (
    "Content-Length: 2\r\nTransfer-Encoding: chunked",
    "Content-Length: 2\r\nContent-Length: 3",
    "Content-Length: 2, 2",
    "Content-Length: +2",
    "Content-Length: -2",
    "Content-Length: 0x2",
    "Content-Length : 2",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding:\x0bchunked",
    "Transfer-Encoding: identity, chunked",
    "X: a\x0bb\r\nContent-Length: 2",
    "X: a\0b\r\nContent-Length: 2",
    "nonsense\r\nContent-Length: 2",
    "Host: there\r\nContent-Length: 2",
)
REPEATED = "Content-Length: 2\r\nContent-Length: 2"
"""May be taken for one (RFC 9112, section 6.3), and so only `serve` has to refuse it."""


def request_with(headers: str) -> bytes:
    """An offer that is none, with these headers, over a connection that ends with it."""
    return f"POST /signal HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{headers}\r\n\r\n{{}}".encode("latin-1")
