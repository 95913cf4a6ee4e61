"""What clients call themselves, in short: of a browser's User-Agent, the product that it is. Pure."""

from __future__ import annotations

import re

_BROWSERS = ("Edg", "EdgA", "OPR", "FxiOS", "Firefox", "CriOS", "SamsungBrowser", "Chrome", "Safari")
"""Each calls itself by all names after its own, too, for the sake of servers that ask for them."""
_PRODUCT = re.compile(r"(\w+)/([^\s()<>]+)")
"""RFC 9110, section 10.1.5."""


def in_short(software: str) -> str:
    """`Firefox/140.0` of what Firefox says in 70 characters; what is no browser's stays as it is."""
    if not software.startswith("Mozilla/5.0 "):
        return software
    products = dict(_PRODUCT.findall(software))
    if "Safari" in products:  # which has its version elsewhere, and there that of its engine
        products["Safari"] = products.get("Version", products["Safari"])
    return next((f"{name}/{products[name]}" for name in _BROWSERS if name in products), software)
