"""Loopback addresses for tests: each is a stranger to the server, whom no limit knows yet."""

from itertools import count

_NUMBERS = count(1)


def fresh_address() -> str:
    """An address of 127.0.0.0/8 that no test has had, in a /24 of its own, for limits count by network too."""
    number = next(_NUMBERS)
    return f"127.{1 + number // 250}.{1 + number % 250}.1"
