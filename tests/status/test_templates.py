"""T34: what the templates may not do."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
CODE = sorted((ROOT / "signalling").rglob("*.py"))
UNSAFE = re.compile(r"\|\s*safe\b|safeseq|autoescape|mark_safe|SafeString|format_html|__html__")
INLINE = re.compile(r"<style|\bstyle=|\bon\w+=|javascript:|<script(?![^>]*\bsrc=)", re.IGNORECASE)


def test_t34_nothing_of_ours_switches_escaping_off() -> None:
    assert CODE and not [file for file in [*TEMPLATES, *CODE] if UNSAFE.search(file.read_text())]


def test_t34_no_page_of_operators_has_anything_inline() -> None:
    pages = [file for file in TEMPLATES if file.parent.name in ("status", "admin")]
    assert len(pages) > 10
    assert not [file for file in pages if INLINE.search(file.read_text())]
